/** The variables that put the answering application into a server's process. */
export const ANSWERING = {
  NODE_OPTIONS: `--import=${new URL('./answering/preload.ts', import.meta.url).href}`,
}
