/** DynamoDB's expressions for the conditions, changes and queries of the store. */
import type { Condition, Query } from '../core/store/store.ts'
import { TABLES, type TableName } from '../core/store/tables.ts'

const OPERATORS = { equals: '=', differs: '<>', atMost: '<=', atLeast: '>=' } as const

type Alias = (attribute: string) => string
type Placeholder = (value: unknown) => string

/** Collects the names and values of one request's expressions. Every attribute gets an alias, since many
 *  of ours (`owner`, `state`, `name`, `status`) are reserved words of DynamoDB. */
export function createTerms() {
  const names: Record<string, string> = {}
  const values: Record<string, unknown> = {}
  const alias: Alias = (attribute) => {
    names[`#${attribute}`] = attribute
    return `#${attribute}`
  }
  const placeholder: Placeholder = (value) => {
    const name = `:v${Object.keys(values).length}`
    values[name] = value
    return name
  }
  const sentence = (condition: Condition<never>): string => {
    switch (condition.is) {
      case 'any':
        return `(${condition.of.map(sentence).join(' OR ')})`
      case 'absent':
        return `attribute_not_exists(${alias(condition.attribute)})`
      case 'present':
        return `attribute_exists(${alias(condition.attribute)})`
      default:
        return `${alias(condition.attribute)} ${OPERATORS[condition.is]} ${placeholder(condition.value)}`
    }
  }
  const allOf = (conditions: readonly unknown[]) =>
    (conditions as Condition<never>[]).map(sentence).join(' AND ')

  return {
    conditions: (conditions: readonly unknown[]) =>
      conditions.length ? { ConditionExpression: allOf(conditions) } : {},
    filter: (conditions: readonly unknown[] = []) =>
      conditions.length ? { FilterExpression: allOf(conditions) } : {},

    update(change: { set?: object; add?: object; remove?: readonly string[] }): string {
      const set = Object.entries(change.set ?? {}).filter(([, value]) => value !== undefined)
      const add = Object.entries(change.add ?? {})
      const clauses = [
        set.length &&
          `SET ${set.map(([name, value]) => `${alias(name)} = ${placeholder(value)}`).join(', ')}`,
        add.length && `ADD ${add.map(([name, value]) => `${alias(name)} ${placeholder(value)}`).join(', ')}`,
        change.remove?.length && `REMOVE ${change.remove.map(alias).join(', ')}`,
      ]
      return clauses.filter(Boolean).join(' ')
    },

    keyCondition(table: TableName, query: Query<never>): string {
      const { partitionKey, sortKey } = keysOf(table, query.index)
      const parts = [`${alias(partitionKey.name)} = ${placeholder(query.partition)}`]
      if (query.sort && !sortKey) throw new Error(`${table} ${query.index ?? ''} has no sort key`)
      if (query.sort && sortKey) parts.push(...bounds(sortKey.name, query.sort, alias, placeholder))
      return parts.join(' AND ')
    },

    used: () => ({
      ...(Object.keys(names).length ? { ExpressionAttributeNames: names } : {}),
      ...(Object.keys(values).length ? { ExpressionAttributeValues: values } : {}),
    }),
  }
}

interface KeyNames {
  readonly partitionKey: { readonly name: string }
  readonly sortKey?: { readonly name: string }
}

function keysOf(table: TableName, index: string | undefined): KeyNames {
  const indexes: Record<string, KeyNames> = TABLES[table].indexes
  const keys = index === undefined ? TABLES[table] : indexes[index]
  if (!keys) throw new Error(`table ${table} has no index ${index}`)
  return keys
}

function bounds(
  name: string,
  { from, to, beginsWith }: NonNullable<Query<never>['sort']>,
  alias: Alias,
  placeholder: Placeholder,
): string[] {
  const parts: string[] = []
  if (beginsWith !== undefined) parts.push(`begins_with(${alias(name)}, ${placeholder(beginsWith)})`)
  // DynamoDB takes only one condition on the sort key, so both bounds go into one BETWEEN.
  if (from !== undefined && to !== undefined) {
    parts.push(`${alias(name)} BETWEEN ${placeholder(from)} AND ${placeholder(to)}`)
  } else if (from !== undefined) parts.push(`${alias(name)} >= ${placeholder(from)}`)
  else if (to !== undefined) parts.push(`${alias(name)} <= ${placeholder(to)}`)
  return parts
}
