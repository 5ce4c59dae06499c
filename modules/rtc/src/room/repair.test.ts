import { describe, expect, test } from 'vitest'
import { copiesAhead, lossBehindCopies, ReportedLoss, repairOf, SteadyLoss } from './repair.ts'

const random = (loss: number) => ({ loss, lossKind: 'random' }) as const
const red = { red: true }

describe('RTC-51: redundancy follows random loss and nothing else', () => {
  test.each([
    [0.01, 0],
    [0.1, 2],
    [0.3, 4],
    [0.5, 8],
    [0.7, 10],
    [0.9, 17],
  ])('sound at a loss of %f carries %i frames more', (loss, depth) => {
    expect(repairOf('audio', random(loss), red).redDepth).toBe(depth)
    expect(repairOf('audio', { loss, lossKind: 'congestion' }, red).redDepth).toBe(0)
  })

  test('who takes no RED gets copies instead', () => {
    expect(repairOf('audio', random(0.3), { red: false })).toMatchObject({ redDepth: 0, copies: 4 })
    expect(repairOf('audio', random(0.3), red)).toMatchObject({ copies: 0 })
    expect(repairOf('audio', random(0.7), red)).toMatchObject({ copies: 1 })
  })

  test.each([
    [0.02, 0, false],
    [0.07, 0, true],
    [0.3, 0, true],
    [0.5, 1, true],
    [0.7, 1, true],
  ])('pictures at a loss of %f: %i copies unasked', (loss, copies, bursts) => {
    expect(repairOf('video', random(loss), red)).toMatchObject({ copies, bursts })
    expect(repairOf('video', { loss, lossKind: 'congestion' }, red)).toMatchObject({
      copies: 0,
      bursts: false,
    })
  })
})

describe('RTC-134: last attempts are made where feedback comes in time', () => {
  test.each([
    [0.1, 60, undefined],
    [0.3, 60, 3],
    [0.5, 60, 5],
    [0.7, 60, 10],
    [0.7, 151, undefined],
  ])('at a loss of %f and %i ms: %s', (loss, roundTripMs, attempts) => {
    expect(repairOf('video', { ...random(loss), roundTripMs }, red).attempts).toBe(attempts)
  })

  test('RTC-137: pictures are not protected ahead as well', () => {
    const more = { red: true, fecShare: 0.4 }
    expect(repairOf('video', { ...random(0.5), roundTripMs: 60 }, more).fecShare).toBe(0)
    expect(repairOf('video', { ...random(0.5), roundTripMs: 300 }, more).fecShare).toBe(0.4)
  })
})

describe('RTC-175: copies go ahead where answers come too late', () => {
  const far = (loss: number) => ({ ...random(loss), roundTripMs: 380, most: 3.6 })

  test.each([
    [0.02, 0],
    [0.05, 1],
    [0.1, 1],
    [0.14, 1],
    [0.2, 2],
    [0.5, 3],
  ])('at a loss of %f: %i', (loss, copies) => {
    expect(copiesAhead(far(loss))).toBe(copies)
    expect(repairOf('video', far(loss), { red: true, fecShare: 0.6 }).copies).toBe(copies)
    expect(copiesAhead({ ...far(loss), lossKind: 'congestion' })).toBe(0)
    expect(copiesAhead({ ...far(loss), roundTripMs: 250 })).toBe(0)
    expect(copiesAhead(random(loss))).toBe(0)
  })

  test('within 55 ms, and as far as there is room beside protection', () => {
    const at = (most: number) => repairOf('video', { ...far(0.2), most }, { red: true, fecShare: 0.6 })
    expect(at(2.6)).toMatchObject({ copies: 2, copyDistanceMs: 28 })
    expect(at(2.5)).toMatchObject({ copies: 1, copyDistanceMs: 55 })
    expect(at(1.5)).toMatchObject({ copies: 0 })
    expect(at(0.2)).toMatchObject({ copies: 0 })
  })

  test('there is time for a second answer', () => {
    expect(repairOf('video', far(0.05), red).deadlineMs).toBe(1_200)
    expect(repairOf('video', { ...far(0.05), roundTripMs: 250 }, red).deadlineMs).toBe(800)
    expect(repairOf('video', random(0.05), red).deadlineMs).toBe(800)
  })
})

test('RTC-51: copies hide what the path loses neither from requests nor from reports', () => {
  expect(lossBehindCopies({ asked: 0.3, reported: 0.2 }, 0)).toBeCloseTo(0.3)
  // Of 100 packets sent twice at 70 %, 49 are missing and 60 copies arrive.
  expect(lossBehindCopies({ asked: 0.49, reported: 0.4 }, 1)).toBeCloseTo(0.7)
  expect(lossBehindCopies({ asked: 0, reported: 0 }, 1)).toBe(0)
})

describe('RTC-51: the loss that is answered', () => {
  const steady = (judge: ReportedLoss, loss: number, from: number, more: { jitterMs?: number } = {}) => {
    let answer = judge.update({ loss, jitterMs: 5, nowMs: from, ...more })
    for (let turn = 1; turn < 10; turn++) {
      answer = judge.update({ loss, jitterMs: 5, nowMs: from + turn * 1_000, ...more })
    }
    return answer
  }

  test('reports of even packets are random, of uneven ones congestion', () => {
    expect(steady(new ReportedLoss(), 0.3, 0).lossKind).toBe('random')
    expect(steady(new ReportedLoss(), 0.3, 0, { jitterMs: 100 }).lossKind).toBe('congestion')
    expect(steady(new ReportedLoss(), 0.01, 0).lossKind).toBe('none')
  })

  test('losses that grow with the redundancy end it for a while', () => {
    const judge = new ReportedLoss()
    steady(judge, 0.1, 0)
    expect(judge.update({ loss: 0.4, jitterMs: 5, nowMs: 10_000 }).lossKind).toBe('congestion')
    expect(judge.update({ loss: 0.4, jitterMs: 5, nowMs: 20_000 }).lossKind).toBe('congestion')
    expect(judge.update({ loss: 0.4, jitterMs: 5, nowMs: 45_000 }).lossKind).toBe('random')
  })

  test('a measured loss rises fast and falls slowly', () => {
    const steadyLoss = new SteadyLoss()
    steadyLoss.update(random(0.5))
    expect(steadyLoss.update(random(0.5)).loss).toBeGreaterThan(0.4)
    expect(steadyLoss.update({ loss: 0, lossKind: 'none' })).toMatchObject({ lossKind: 'random' })
    for (let turn = 0; turn < 40; turn++) steadyLoss.update({ loss: 0, lossKind: 'none' })
    expect(steadyLoss.update({ loss: 0, lossKind: 'none' })).toMatchObject({ lossKind: 'none' })
  })
})
