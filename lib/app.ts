/**
 * The infrastructure: one stack, composed of one construct for each concern.
 * The CDK command line runs it (`cdk.json`); the tests call `mooringApp` themselves.
 * It must never decide anything at run time: of the code it knows only entry files, tables, variables and
 * metrics.
 */
import { App, type AppProps, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { readConfiguration } from './configuration.ts'
import { MooringStack } from './mooring-stack.ts'

export function mooringApp(props: AppProps = {}): { app: App; stack: MooringStack } {
  const app = new App(props)
  const configuration = readConfiguration(app.node.tryGetContext('mooring') ?? {})
  const stack = new MooringStack(app, configuration.stackName, configuration)
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  return { app, stack }
}

if (import.meta.main) mooringApp()
