/** Where the id of a device of whatsmeow comes from. The help names the choices, so this file loads nothing
 *  else. */

/** `auto` takes the first that there is. */
export const ID_SOURCES = ['auto', 'name', 'folder', 'phone'] as const
export type IdSource = (typeof ID_SOURCES)[number]
