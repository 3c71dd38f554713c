/** Bundles of the Lambdas, made by esbuild when the stack is synthesised: no Docker, no build step of its own. */
import { fileURLToPath } from 'node:url'
import { AssetHashType, DockerImage } from 'aws-cdk-lib'
import { Code } from 'aws-cdk-lib/aws-lambda'
import { type BuildOptions, buildSync } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The SDK's clients go into the bundle, in the versions that were tested, and only those that are used. */
const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  minify: true,
  // The ES modules of a package first: of those, esbuild leaves out what nobody uses.
  mainFields: ['module', 'main'],
  // Beside the bundle: the runtime reads it only for a stack trace.
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'error',
} as const satisfies BuildOptions

/** @param entry a file in `lambdas/`, without the ending; it exports `handler` */
export function bundle(entry: string): Code {
  return Code.fromAsset(ROOT, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never used: the local bundling below does not fail but throws.
      image: DockerImage.fromRegistry('none'),
      // Tells the bundles apart: CDK makes what has the same options only once.
      environment: { ENTRY: entry },
      local: {
        tryBundle(outputDir) {
          build(entry, `${outputDir}/index.js`)
          return true
        },
      },
    },
  })
}

/** @returns what is in the bundle, by esbuild's account */
export function build(entry: string, outfile: string) {
  const { metafile } = buildSync({
    ...OPTIONS,
    entryPoints: [`lambdas/${entry}.ts`],
    outfile,
    metafile: true,
  })
  return metafile
}
