declare module 'dynalite' {
  import type { Server } from 'node:http'

  const dynalite: (options: {
    path?: string
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }) => Server
  // biome-ignore lint/style/noDefaultExport: dynalite is a CommonJS module
  export default dynalite
}
