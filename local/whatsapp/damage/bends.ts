/** Bends a node in every way in which it can be wrong while the frame around it is right. Pure. */
import type { RawNode, RawText } from './raw-node.ts'
import type { Seeded } from './seeded.ts'

export interface BentNode {
  /** The change, in words. */
  readonly how: string
  readonly node: RawNode
}

const DEEP_LEVELS = [40, 12_000]
const LONG_CHARACTERS = 70_000
/** How many bad values a seed draws for each attribute. The first three of the list come with every seed. */
const DRAWN_VALUES = 6
// Made once, because thousands of bent nodes share them.
const FILLER: RawNode = { tag: 'mystery', attrs: [] }
const MANY_CHILDREN = Array.from({ length: 20_000 }, () => FILLER)
const DEEP = DEEP_LEVELS.map((levels) => ({ levels, node: nested(levels) }))
const LONG_BYTES = Buffer.alloc(LONG_CHARACTERS, 1)
const NOT_UTF8 = Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x80])

/** Values that are wrong for any use of an attribute: as a jid, a number, a time, a word, a key of an
 *  object. */
const BAD_VALUES: readonly (readonly [string, RawText])[] = [
  ['empty', ''],
  ['a word', 'x'],
  ['one', '1'],
  ['zero', '0'],
  ['negative', '-1'],
  ['a fraction', '0.5'],
  ['not a number', 'NaN'],
  ['beyond every number', '9'.repeat(400)],
  ['very long', 'y'.repeat(LONG_CHARACTERS)],
  ['not UTF-8', NOT_UTF8],
  ['control characters', '\u0000\u001b[2J\u202e'],
  ['a jid without user', '@s.whatsapp.net'],
  ['a jid without server', '15550100199@'],
  ['a jid of two servers', '15550100199@lid@s.whatsapp.net'],
  ['a jid of device 99', '15550100199:99@s.whatsapp.net'],
  ['a jid of device x', '15550100199:x@lid'],
  ['a jid of nowhere', 'a@b'],
  ['a group', '120363000000000000@g.us'],
  ['a status', 'status@broadcast'],
  ['a newsletter', '1@newsletter'],
  ['a bot', '1@bot'],
  ['a hosted jid', '15550100199@hosted.lid'],
  ['the name of a prototype', '__proto__'],
  ['the name of a method', 'toString'],
]

const STRAY_ATTRIBUTES: readonly (readonly [string, RawText])[] = [
  ['offline', 'x'],
  ['participant', ''],
  ['recipient', 'x@y'],
  ['type', 'retry'],
  ['error', '479'],
  ['id', ''],
  ['count', '-1'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['', ''],
]

/** Bends the tag of the node, each of its attributes, its content, and every node below it in the same
 *  way. */
export function bends(node: RawNode, chance: Seeded): BentNode[] {
  return [...bendsHere(node, chance), ...bendsBelow(node, chance)]
}

function bendsHere(node: RawNode, chance: Seeded): BentNode[] {
  return [...bentTags(node), ...bentAttributes(node, chance), ...bentContent(node, chance)]
}

function bendsBelow(node: RawNode, chance: Seeded): BentNode[] {
  const children = childrenOf(node)
  return children.flatMap((child, index) =>
    bends(child, chance).map(({ how, node: bent }) => ({
      how: `in its <${String(child.tag)}>: ${how}`,
      node: { ...node, content: children.with(index, bent) },
    })),
  )
}

function bentTags(node: RawNode): BentNode[] {
  const tags: [string, RawText][] = [
    ['no tag', ''],
    ['an unknown tag', 'mystery'],
    ['a tag that is not UTF-8', NOT_UTF8],
    ['the tag __proto__', '__proto__'],
    ['the tag error', 'error'],
  ]
  return tags.map(([how, tag]) => ({ how, node: { ...node, tag } }))
}

function bentAttributes(node: RawNode, chance: Seeded): BentNode[] {
  const each = node.attrs.flatMap(([name], index): BentNode[] => {
    const replaced = (how: string, value: RawText): BentNode => ({
      how: `attribute ${String(name)}: ${how}`,
      node: { ...node, attrs: node.attrs.with(index, [name, value]) },
    })
    return [
      {
        how: `attribute ${String(name)} is missing`,
        node: { ...node, attrs: node.attrs.toSpliced(index, 1) },
      },
      ...BAD_VALUES.slice(0, 3).map(([how, value]) => replaced(how, value)),
      ...chance
        .shuffled(BAD_VALUES.slice(3))
        .slice(0, DRAWN_VALUES)
        .map(([how, value]) => replaced(how, value)),
    ]
  })
  return [
    ...each,
    { how: 'no attributes', node: { ...node, attrs: [] } },
    { how: 'every attribute twice', node: { ...node, attrs: [...node.attrs, ...node.attrs] } },
    ...STRAY_ATTRIBUTES.map(([name, value]) => ({
      how: `stray attribute ${name}`,
      node: { ...node, attrs: [...node.attrs.filter(([known]) => known !== name), [name, value] as const] },
    })),
  ]
}

function bentContent(node: RawNode, chance: Seeded): BentNode[] {
  const { content } = node
  const { content: _, ...bare } = node
  const withContent = (how: string, bent: RawText | readonly RawNode[]): BentNode => ({
    how,
    node: { ...bare, content: bent },
  })
  const always = [
    { how: 'no content', node: bare },
    withContent('an empty list as content', []),
    withContent('empty bytes as content', Buffer.alloc(0)),
    withContent('one byte as content', Buffer.from([chance.below(256)])),
    withContent('text as content', 'text'),
    withContent('random bytes as content', chance.bytes(1 + chance.below(200))),
    withContent('bytes that are not UTF-8 as content', NOT_UTF8),
    withContent('very long content', LONG_BYTES),
    withContent('an unknown child as content', [FILLER]),
    withContent('a child without a tag', [{ tag: '', attrs: [] }]),
    withContent('itself as its child', [node]),
    withContent(`${MANY_CHILDREN.length} children`, MANY_CHILDREN),
    ...DEEP.map(({ levels, node: deep }) => withContent(`nested ${levels} deep`, [deep])),
  ]
  if (Buffer.isBuffer(content)) return [...always, ...bentBytes(content, withContent)]
  const children = childrenOf(node)
  if (children.length === 0) return always
  return [
    ...always,
    withContent('its children twice', [...children, ...children]),
    withContent('its children in reverse', children.toReversed()),
    withContent('an unknown child first', [FILLER, ...children]),
    ...children.map((child, index) =>
      withContent(`without its <${String(child.tag)}>`, children.toSpliced(index, 1)),
    ),
  ]
}

function bentBytes(content: Buffer, withContent: (how: string, bent: Buffer) => BentNode): BentNode[] {
  return [
    withContent('its bytes cut in half', content.subarray(0, content.length >> 1)),
    withContent('a byte too few', content.subarray(0, -1)),
    withContent('a byte too many', Buffer.concat([content, Buffer.from([0])])),
    withContent('zeros for its bytes', Buffer.alloc(content.length)),
  ]
}

function nested(levels: number): RawNode {
  let node: RawNode = { tag: 'deep', attrs: [] }
  for (let level = 1; level < levels; level++) node = { tag: 'deep', attrs: [], content: [node] }
  return node
}

function childrenOf({ content }: RawNode): readonly RawNode[] {
  return Array.isArray(content) ? (content as readonly RawNode[]) : []
}
