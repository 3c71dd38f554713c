/** Ids for the devices of a fleet: `device-001` and so on. */
export function deviceIds(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `device-${String(at + 1).padStart(3, '0')}`)
}
