import {
  AppError,
  type Approval,
  type ApprovalStanding,
  type ApprovalTask,
  maxApprovers,
} from '@parley/contracts'

/** What decides about an approval: its state and how its steps stand. */
export type Flow = Pick<Approval, 'state' | 'submitterId' | 'steps'>

export type ApprovalAction =
  | {
      type: 'decide'
      step: number
      userId: string
      verdict: 'approved' | 'rejected'
      comment?: string | undefined
    }
  | { type: 'transfer'; step: number; userId: string; toUserId: string; comment?: string | undefined }
  | { type: 'add-approver'; step: number; userId: string; approverId: string }
  | { type: 'withdraw'; userId: string }

/**
 * The flow after an action, or the same object where the action was carried out before. Throws `forbidden` for who may
 * not do it, and `conflict` where it contradicts what was decided. Nothing else decides: no clock, no database.
 */
export function act(flow: Flow, action: ApprovalAction, now: string): Flow {
  if (action.type === 'withdraw') return withdraw(flow, action.userId)
  const at = flow.steps.findIndex(({ state }) => state === 'current')
  const step = flow.state === 'pending' && at === action.step ? flow.steps[at] : undefined
  const waiting = step?.tasks.find(({ userId, verdict }) => userId === action.userId && verdict === 'waiting')
  if (step === undefined || waiting === undefined) {
    if (wasDone(flow, action)) return flow
    const takesPart = flow.steps.some(({ tasks }) => tasks.some(({ userId }) => userId === action.userId))
    if (!takesPart) throw new AppError('forbidden', 'The user is no approver of this')
    throw new AppError('conflict', 'There is nothing for the user to decide here now')
  }
  switch (action.type) {
    case 'decide':
      return decide(flow, at, settled(step, waiting, action.verdict, action.comment, now), action.verdict)
    case 'transfer': {
      requireNew(step, action.toUserId)
      const handed = settled(step, waiting, 'transferred', action.comment, now)
      const task: ApprovalTask = {
        ...{ userId: action.toUserId, verdict: 'waiting', from: action.userId },
        ...(waiting.added === true && { added: true }),
      }
      return withStep(flow, at, { ...handed, tasks: [...handed.tasks, task] })
    }
    case 'add-approver': {
      const { approverId, userId } = action
      if (isAdded(step, userId, approverId)) return flow
      requireNew(step, approverId)
      if (step.tasks.length >= maxApprovers)
        throw new AppError('limit-exceeded', `A step has at most ${maxApprovers} approvers`)
      const task: ApprovalTask = { userId: approverId, verdict: 'waiting', from: userId, added: true }
      return withStep(flow, at, { ...step, tasks: [...step.tasks, task] })
    }
    default:
      return action satisfies never
  }
}

function withdraw(flow: Flow, userId: string): Flow {
  if (userId !== flow.submitterId) throw new AppError('forbidden', 'Only the submitter withdraws')
  if (flow.state === 'withdrawn') return flow
  if (flow.state !== 'pending') throw new AppError('conflict', `It is ${flow.state} already`)
  return close(flow, 'withdrawn')
}

function decide(flow: Flow, at: number, step: ApprovalStanding, verdict: 'approved' | 'rejected'): Flow {
  if (verdict === 'rejected') return close(withStep(flow, at, { ...step, state: 'rejected' }), 'rejected')
  if (!isApproved(step)) return withStep(flow, at, step)
  const passed = withStep(flow, at, { ...spareWaiting(step), state: 'approved' })
  const next = flow.steps[at + 1]
  if (next === undefined) return close(passed, 'approved')
  return withStep(passed, at + 1, { ...next, state: 'current' })
}

/** All must approve, or one of those who were named or stand in for them; who was added must in any case. */
function isApproved({ mode, tasks }: ApprovalStanding): boolean {
  const needed = mode === 'all' ? tasks : tasks.filter(({ added }) => added === true)
  if (needed.some(({ verdict }) => verdict === 'waiting')) return false
  return mode === 'all' || tasks.some(({ added, verdict }) => added !== true && verdict === 'approved')
}

function close(flow: Flow, state: 'approved' | 'rejected' | 'withdrawn'): Flow {
  const steps = flow.steps.map((step): ApprovalStanding => {
    const spared = spareWaiting(step)
    return step.state === 'ahead' || step.state === 'current' ? { ...spared, state: 'spared' } : spared
  })
  return { ...flow, state, steps }
}

function spareWaiting(step: ApprovalStanding): ApprovalStanding {
  const tasks = step.tasks.map(
    (task): ApprovalTask => (task.verdict === 'waiting' ? { ...task, verdict: 'spared' } : task),
  )
  return { ...step, tasks }
}

function settled(
  step: ApprovalStanding,
  task: ApprovalTask,
  verdict: 'approved' | 'rejected' | 'transferred',
  comment: string | undefined,
  now: string,
): ApprovalStanding {
  const done = { ...task, verdict, decidedAt: now, ...(comment !== undefined && { comment }) }
  return { ...step, tasks: step.tasks.map((each) => (each === task ? done : each)) }
}

function withStep(flow: Flow, at: number, step: ApprovalStanding): Flow {
  return { ...flow, steps: flow.steps.map((each, index) => (index === at ? step : each)) }
}

function requireNew(step: ApprovalStanding, userId: string): void {
  if (step.tasks.some((task) => task.userId === userId))
    throw new AppError('conflict', 'The user takes part in this step already')
}

function isAdded(step: ApprovalStanding, fromUserId: string, approverId: string): boolean {
  return step.tasks.some(({ userId, from }) => userId === approverId && from === fromUserId)
}

/** Whether the user did just this in the step meant, so that a repetition answers the same. */
function wasDone({ steps }: Flow, action: Exclude<ApprovalAction, { type: 'withdraw' }>): boolean {
  const step = steps[action.step]
  const own = step?.tasks.find(({ userId }) => userId === action.userId)
  if (step === undefined || own === undefined) return false
  if (action.type === 'decide') return own.verdict === action.verdict
  if (action.type === 'add-approver') return isAdded(step, action.userId, action.approverId)
  return own.verdict === 'transferred' && isAdded(step, action.userId, action.toUserId)
}
