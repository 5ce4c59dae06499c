import { type Answer, ask, type Given, type SocialAccess } from './social-request.ts'

/** Whom the user blocks. Blocked means blocked everywhere; friendship, follows and requests end with it. */
export interface Blocks {
  add(userId: string): Answer<'block.add'>
  remove(userId: string): Answer<'block.remove'>
  list(page?: Given<'block.list'>): Answer<'block.list'>
}

export function blocksOf(access: SocialAccess): Blocks {
  return {
    add: (blockedId) => ask(access, 'block.add', { blockedId }),
    remove: (blockedId) => ask(access, 'block.remove', { blockedId }),
    list: (page = {}) => ask(access, 'block.list', page),
  }
}

/** The user's friends, and the way to them. What others do is told by the event `social` of the client. */
export interface Friends {
  /** `accepted` at once where the other's policy says so, or the other has asked already. */
  request(userId: string, options?: { message?: string; remark?: string }): Answer<'friend.request'>
  accept(requestId: string, remark?: string): Answer<'friend.accept'>
  reject(requestId: string, reason?: string): Answer<'friend.reject'>
  withdraw(requestId: string): Answer<'friend.withdraw'>
  requests(filter?: Given<'friend.list-requests'>): Answer<'friend.list-requests'>
  get(userId: string): Answer<'friend.get'>
  list(page?: Given<'friend.list'>): Answer<'friend.list'>
  /** What changed after the version of an own copy; 0 begins one. */
  changes(afterVersion: number): Answer<'friend.sync'>
  /** Own name and labels of a friend; a remark of null goes. */
  update(userId: string, change: Pick<Given<'friend.update'>, 'remark' | 'labels'>): Answer<'friend.update'>
  remove(userId: string, sides?: 'both' | 'own'): Answer<'friend.remove'>
  mutual(userId: string, page?: Omit<Given<'friend.mutual'>, 'friendId'>): Answer<'friend.mutual'>
  labels(): Answer<'friend.list-labels'>
  /** With null, no friend has the label any more. */
  renameLabel(label: string, name: string | null): Answer<'friend.rename-label'>
}

export function friendsOf(access: SocialAccess): Friends {
  return {
    request: (toUserId, options = {}) => ask(access, 'friend.request', { toUserId, ...options }),
    accept: (requestId, remark) =>
      ask(access, 'friend.accept', { requestId, ...(remark !== undefined && { remark }) }),
    reject: (requestId, reason) =>
      ask(access, 'friend.reject', { requestId, ...(reason !== undefined && { reason }) }),
    withdraw: (requestId) => ask(access, 'friend.withdraw', { requestId }),
    requests: (filter = {}) => ask(access, 'friend.list-requests', filter),
    get: (friendId) => ask(access, 'friend.get', { friendId }),
    list: (page = {}) => ask(access, 'friend.list', page),
    changes: (afterVersion) => ask(access, 'friend.sync', { afterVersion }),
    update: (friendId, change) => ask(access, 'friend.update', { friendId, ...change }),
    remove: (friendId, sides = 'both') => ask(access, 'friend.remove', { friendId, sides }),
    mutual: (friendId, page = {}) => ask(access, 'friend.mutual', { friendId, ...page }),
    labels: () => ask(access, 'friend.list-labels', {}),
    renameLabel: (label, name) => ask(access, 'friend.rename-label', { label, name }),
  }
}

export interface Follows {
  add(userId: string): Answer<'follow.add'>
  remove(userId: string): Answer<'follow.remove'>
  /** The user's own list, or that of `ofUserId`. */
  following(page?: Given<'follow.list-following'>): Answer<'follow.list-following'>
  followers(page?: Given<'follow.list-followers'>): Answer<'follow.list-followers'>
  /** How the user stands to another, with the other's counts. */
  relation(userId: string): Answer<'relation.get'>
}

export function followsOf(access: SocialAccess): Follows {
  return {
    add: (followedId) => ask(access, 'follow.add', { followedId }),
    remove: (followedId) => ask(access, 'follow.remove', { followedId }),
    following: (page = {}) => ask(access, 'follow.list-following', page),
    followers: (page = {}) => ask(access, 'follow.list-followers', page),
    relation: (otherId) => ask(access, 'relation.get', { otherId }),
  }
}

export interface Profiles {
  /** In the order asked, as the user may see them. */
  get(userIds: string[]): Answer<'profile.query'>
  /** The own profile; a field that is null goes. */
  update(change: Given<'profile.update'>): Answer<'profile.update'>
  /** By exactly one way, of those the project allows. */
  search(question: Given<'user.search'>): Answer<'user.search'>
}

export function profilesOf(access: SocialAccess): Profiles {
  return {
    get: (userIds) => ask(access, 'profile.query', { userIds }),
    update: (change) => ask(access, 'profile.update', change),
    search: (question) => ask(access, 'user.search', question),
  }
}
