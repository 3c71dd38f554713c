import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drawSummary, gapText } from '../../../local/demo/summary.ts'
import { outcome, PLAIN_80, QUIET_ACT } from './fixtures.ts'

describe('the summary', () => {
  const naive = outcome({
    killed: {
      overlaps: 114,
      conflicts: 113,
      struck: ['a', 'b'],
      gaps: { count: 20, p50: 6, p99: 6.94, max: 6.94 },
    },
    drained: { ...QUIET_ACT, gaps: { count: 0, p50: 0, p99: 0, max: 0 } },
    connectedAtEnd: 52,
  })

  test('puts both fleets side by side', () => {
    assert.deepEqual(drawSummary(naive, outcome(), PLAIN_80), [
      '                                              without Mooring     with Mooring',
      '  conflicts (440), each a socket replaced                 113                0',
      '  overlaps: moments with two sockets                      114                0',
      '  devices struck by a conflict                              2                0',
      '  seconds without a socket, p50 / p99 / max',
      '    a server is killed (SIGKILL)              6.0 / 6.9 / 6.9  0.7 / 0.9 / 0.9',
      '    a server is drained (SIGTERM)                        none  0.7 / 0.9 / 0.9',
      '  devices connected at the end                       52 of 60         60 of 60',
    ])
  })

  test('says none when no device was without a socket', () => {
    assert.equal(gapText({ count: 0, p50: 0, p99: 0, max: 0 }), 'none')
  })
})
