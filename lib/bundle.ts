/** Bundles of the Lambdas. esbuild makes them when the stack is synthesised, without
 *  Docker or a separate build step. */
import { fileURLToPath } from 'node:url'
import { AssetHashType, DockerImage } from 'aws-cdk-lib'
import { Code } from 'aws-cdk-lib/aws-lambda'
import { type BuildOptions, buildSync } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The bundle carries the SDK's clients that it uses, in the versions that were
 *  tested, not those of the runtime. */
const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  minify: true,
  // Prefers the ES modules of a package: esbuild can leave out their unused exports.
  mainFields: ['module', 'main'],
  // In a file beside the bundle, which the runtime reads only for a stack trace.
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'error',
} as const satisfies BuildOptions

/** @param entry a file in `lambdas/`, without the ending; it exports `handler` */
export function bundle(entry: string): Code {
  return Code.fromAsset(ROOT, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Required by CDK and never used: the local bundling below returns true or throws.
      image: DockerImage.fromRegistry('none'),
      // Makes the options of each bundle different: CDK makes only one bundle for equal options.
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

/** @returns esbuild's list of the files in the bundle */
export function build(entry: string, outfile: string) {
  const { metafile } = buildSync({
    ...OPTIONS,
    entryPoints: [`lambdas/${entry}.ts`],
    outfile,
    metafile: true,
  })
  return metafile
}
