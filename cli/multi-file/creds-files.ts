/** Chooses the file with a device's creds: creds.json, or a copy where creds.json is damaged or gone. */
import { wholeCreds } from '../../hosts/auth-state/creds.ts'
import { serialise } from '../../hosts/auth-state/serialise.ts'
import { parseForeign } from '../import/forms/foreign-json.ts'
import { CREDS_BACKUPS, CREDS_FILE, mayHoldCreds } from './names.ts'
import type { SmallFile } from './small-file.ts'

/** Some programs leave a copy at every start. */
const OTHERS_MAX = 10

export interface ChosenCreds {
  readonly creds: unknown
  readonly file: string
  readonly text: string
  /** Says which file was taken, unless it is creds.json. */
  readonly note?: string
}

/** The creds, or why there are none, with a remedy where there is one. */
export type Choice = ChosenCreds | { readonly unusable: string }

interface Judged {
  readonly creds: unknown
  readonly state: 'linked' | 'unlinked' | 'part' | 'damaged'
  readonly why: string
}

/** @param files the names of all files of the folder
 *  @param read reads one of them */
export async function chooseCreds(
  files: readonly string[],
  read: (file: string) => Promise<SmallFile>,
): Promise<Choice> {
  const own = ownFile(files)
  const copies: string[] = CREDS_BACKUPS.filter((file) => files.includes(file))
  if (!own && copies.length === 0) return missing(files)
  const { text } = own ? await read(own) : { text: undefined }
  const judged = own ? judge(text) : undefined
  const note = own && own !== CREDS_FILE ? { note: `${own} was taken for ${CREDS_FILE}` } : {}
  if (own && judged?.state === 'linked' && text !== undefined)
    return { creds: judged.creds, file: own, text, ...note }
  const others = files.filter((file) => mayHoldCreds(file) && file !== own && !copies.includes(file))
  const copy = await firstLinked([...copies, ...others.slice(0, OTHERS_MAX)], read)
  const why = judged ? judged.why : 'is missing'
  if (copy && judged?.state !== 'unlinked' && copies.includes(copy.file)) {
    const taken = `${CREDS_FILE} ${why}; its copy ${copy.file} of ${copy.changedAt} was taken`
    return { creds: copy.creds, file: copy.file, text: copy.text, note: taken }
  }
  if (copy) {
    const remedy = `copy it over ${CREDS_FILE} if it is of the same link`
    return { unusable: `its ${CREDS_FILE} ${why}, and ${copy.file} is whole: ${remedy}` }
  }
  if (!own) return missing(files)
  if (!judged || judged.state === 'damaged' || text === undefined) {
    return { unusable: `its ${CREDS_FILE} ${why}` }
  }
  return { creds: judged.creds, file: own, text, ...note }
}

function missing(files: readonly string[]): Choice {
  const copy = files.find(mayHoldCreds)
  const remedy = copy ? `; if ${copy} holds its credentials, rename that file` : ''
  return { unusable: `it has no ${CREDS_FILE}${remedy}` }
}

/** Disks without a difference between large and small letters may have changed the name. */
function ownFile(files: readonly string[]): string | undefined {
  if (files.includes(CREDS_FILE)) return CREDS_FILE
  const like = files.filter((file) => file.toLowerCase() === CREDS_FILE)
  return like.length === 1 ? like[0] : undefined
}

async function firstLinked(files: readonly string[], read: (file: string) => Promise<SmallFile>) {
  for (const file of files) {
    const found = await read(file).catch(() => undefined)
    if (found?.text === undefined) continue
    const { state, creds } = judge(found.text)
    const changedAt = found.changedAt.toISOString().slice(0, 16).replace('T', ' ')
    if (state === 'linked') return { file, creds, text: found.text, changedAt }
  }
  return undefined
}

function judge(text: string | undefined): Judged {
  if (text === undefined) return { creds: undefined, state: 'damaged', why: 'is damaged: it is no text' }
  if (text.trim() === '') return { creds: undefined, state: 'damaged', why: 'is damaged: it is empty' }
  let creds: unknown
  try {
    creds = parseForeign(text)
  } catch (error) {
    return {
      creds,
      state: 'damaged',
      why: `is damaged: ${error instanceof Error ? error.message : 'no JSON'}`,
    }
  }
  const whole = wholeCreds(serialise(creds ?? null))
  if (!whole) return { creds, state: 'part', why: 'is damaged: a part that every device needs is missing' }
  const isLinked = Boolean(whole.me?.id && whole.account)
  return { creds, state: isLinked ? 'linked' : 'unlinked', why: 'was never linked to a phone' }
}

/** Whether the folder is one of a device, though perhaps a damaged one. */
export function mayHaveCreds(files: readonly string[]): boolean {
  return ownFile(files) !== undefined || CREDS_BACKUPS.some((file) => files.includes(file))
}
