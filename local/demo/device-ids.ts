export function deviceIds(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `device-${String(at + 1).padStart(3, '0')}`)
}
