import { AppError } from '@parley/contracts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ApprovalAction, act, type Flow } from './approval-flow.ts'

const now = '2026-01-01T00:00:00.000Z'
const users = ['a', 'b', 'c', 'd', 'e'] as const

const flowOf = (...steps: { mode: 'any' | 'all'; users: string[] }[]): Flow => ({
  state: 'pending',
  submitterId: 'submitter',
  steps: steps.map(({ mode, users: named }, index) => ({
    ...{ name: `step ${index}`, mode, state: index === 0 ? 'current' : 'ahead' },
    tasks: named.map((userId) => ({ userId, verdict: 'waiting' })),
  })),
})
const run = (flow: Flow, ...actions: ApprovalAction[]): Flow =>
  actions.reduce((each, action) => act(each, action, now), flow)
const approve = (userId: string, step = 0): ApprovalAction => ({
  type: 'decide',
  step,
  userId,
  verdict: 'approved',
})
const reject = (userId: string, step = 0): ApprovalAction => ({
  type: 'decide',
  step,
  userId,
  verdict: 'rejected',
})
const verdicts = ({ steps }: Flow) => steps.map(({ tasks }) => tasks.map(({ verdict }) => verdict))

describe('the flow of an approval', () => {
  test('ENT-41: one of several suffices where the step says so; the others are spared', () => {
    const flow = run(
      flowOf({ mode: 'any', users: ['a', 'b'] }, { mode: 'all', users: ['c', 'd'] }),
      approve('b'),
    )
    expect(flow.state).toBe('pending')
    expect(verdicts(flow)).toEqual([
      ['spared', 'approved'],
      ['waiting', 'waiting'],
    ])
    expect(run(flow, approve('c', 1), approve('d', 1)).state).toBe('approved')
    expect(() => run(flow, approve('a'))).toThrow(expect.objectContaining({ code: 'conflict' }))
    expect(() => run(flow, approve('nobody'))).toThrow(expect.objectContaining({ code: 'forbidden' }))
  })

  test('ENT-42: one rejection ends it', () => {
    const flow = run(
      flowOf({ mode: 'all', users: ['a', 'b'] }, { mode: 'all', users: ['c'] }),
      approve('a'),
      reject('b'),
    )
    expect(flow.state).toBe('rejected')
    expect(flow.steps.map(({ state }) => state)).toEqual(['rejected', 'spared'])
    expect(() => run(flow, approve('c', 1))).toThrow(AppError)
  })

  test('ENT-43: who took over decides in the place of the other, who was added must agree as well', () => {
    const handed = run(flowOf({ mode: 'all', users: ['a'] }), {
      type: 'transfer',
      step: 0,
      userId: 'a',
      toUserId: 'e',
    })
    expect(() => run(handed, approve('a'))).toThrow(AppError)
    expect(run(handed, approve('e')).state).toBe('approved')
    const added = run(
      flowOf({ mode: 'any', users: ['a', 'b'] }),
      { type: 'add-approver', step: 0, userId: 'a', approverId: 'e' },
      approve('a'),
    )
    expect(added.state).toBe('pending')
    const passedOn = run(added, { type: 'transfer', step: 0, userId: 'e', toUserId: 'd' })
    expect(passedOn.state).toBe('pending')
    expect(run(passedOn, approve('d')).state).toBe('approved')
  })

  test('ENT-44: the submitter alone withdraws, before it is decided', () => {
    const flow = flowOf({ mode: 'any', users: ['a'] })
    expect(run(flow, { type: 'withdraw', userId: 'submitter' }).state).toBe('withdrawn')
    expect(() => run(flow, { type: 'withdraw', userId: 'a' })).toThrow(
      expect.objectContaining({ code: 'forbidden' }),
    )
    expect(() => run(run(flow, approve('a')), { type: 'withdraw', userId: 'submitter' })).toThrow(AppError)
  })
})

/** The same rules told in another way: sets of who must still agree, and whether one of the named has. */
class Model {
  state: Flow['state'] = 'pending'
  at = 0
  readonly #steps: {
    mode: 'any' | 'all'
    named: Set<string>
    must: Set<string>
    all: Set<string>
    agreed: boolean
  }[]

  constructor(steps: { mode: 'any' | 'all'; users: string[] }[]) {
    this.#steps = steps.map(({ mode, users: named }) => ({
      ...{ mode, named: new Set(named), must: new Set<string>(), all: new Set(named), agreed: false },
    }))
  }

  get #step() {
    return this.#steps[this.at]
  }

  /** Users who can decide now. */
  get open(): Set<string> {
    const step = this.#step
    if (this.state !== 'pending' || step === undefined) return new Set()
    return new Set([...step.named, ...step.must])
  }

  /** Answers whether it is allowed. */
  apply(action: ApprovalAction): boolean {
    if (action.type === 'withdraw') {
      if (action.userId !== 'submitter' || this.state !== 'pending') return false
      this.state = 'withdrawn'
      return true
    }
    const step = this.#step
    const { userId } = action
    if (step === undefined || action.step !== this.at || !this.open.has(userId)) return false
    const set = step.named.has(userId) ? step.named : step.must
    if (action.type === 'add-approver') {
      if (step.all.has(action.approverId)) return false
      step.all.add(action.approverId)
      step.must.add(action.approverId)
      return true
    }
    if (action.type === 'transfer') {
      if (step.all.has(action.toUserId)) return false
      step.all.add(action.toUserId)
      set.delete(userId)
      set.add(action.toUserId)
      return true
    }
    if (action.verdict === 'rejected') {
      this.state = 'rejected'
      return true
    }
    if (set === step.named) step.agreed = true
    set.delete(userId)
    const enough = step.mode === 'any' ? step.agreed : step.named.size === 0
    if (!enough || step.must.size > 0) return true
    this.at++
    if (this.at === this.#steps.length) this.state = 'approved'
    return true
  }
}

const someone = fc.constantFrom(...users)
const someStep = fc.constantFrom(0, 0, 0, 1, 1, 2, 3)
const anyAction: fc.Arbitrary<ApprovalAction> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('decide' as const),
      step: someStep,
      userId: someone,
      verdict: fc.constant('approved' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('decide' as const),
      step: someStep,
      userId: someone,
      verdict: fc.constant('rejected' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('transfer' as const),
      step: someStep,
      userId: someone,
      toUserId: someone,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('add-approver' as const),
      step: someStep,
      userId: someone,
      approverId: someone,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('withdraw' as const),
      userId: fc.constantFrom('submitter', 'a'),
    }),
  },
)
const anySteps = fc.array(
  fc.record({
    mode: fc.constantFrom('any' as const, 'all' as const),
    users: fc.uniqueArray(someone, { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 4 },
)

test('ENT-45: any run of actions ends where the model does, and an action again changes nothing', () => {
  fc.assert(
    fc.property(anySteps, fc.array(anyAction, { maxLength: 40 }), (steps, actions) => {
      let flow = flowOf(...steps)
      const model = new Model(steps)
      for (const action of actions) {
        const before = flow
        const allowed = model.apply(action)
        try {
          flow = act(flow, action, now)
        } catch (error) {
          expect(error).toBeInstanceOf(AppError)
          expect(allowed).toBe(false)
          continue
        }
        // What was done before and is asked again is answered, and changes nothing.
        if (flow === before) expect(allowed).toBe(false)
        else {
          expect(allowed).toBe(true)
          expect(act(flow, action, now)).toBe(flow)
          if (action.type !== 'withdraw') expect(before.steps[action.step]?.state).toBe('current')
        }
        const current = flow.steps.filter(({ state }) => state === 'current')
        expect(flow.state).toBe(model.state)
        expect(current).toHaveLength(flow.state === 'pending' ? 1 : 0)
        const waiting = current.flatMap(({ tasks }) => tasks.filter(({ verdict }) => verdict === 'waiting'))
        expect(new Set(waiting.map(({ userId }) => userId))).toEqual(model.open)
        if (flow.state === 'pending') expect(waiting.length).toBeGreaterThan(0)
      }
    }),
    { numRuns: 2_000 },
  )
})
