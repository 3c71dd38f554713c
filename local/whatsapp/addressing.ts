/** By which of its two names a person stands in a stanza. */
export const ADDRESSINGS = ['pn', 'lid'] as const

export type Addressing = (typeof ADDRESSINGS)[number]
