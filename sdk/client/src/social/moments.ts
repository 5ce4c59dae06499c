import { randomId } from '../random-id.ts'
import { type Answer, ask, type Given, type SocialAccess } from './social-request.ts'

type Page = { limit?: number; cursor?: string }

export interface Moments {
  /** Files are uploaded before, by `parley.files`. Sent once, also over a lost connection. */
  create(moment: Given<'moment.create'>): Answer<'moment.create'>
  get(momentId: string): Answer<'moment.get'>
  delete(momentId: string): Answer<'moment.delete'>
  /** Of the user, of friends and of whom the user follows, newest first. */
  timeline(page?: Page): Answer<'moment.timeline'>
  /** Of one author; own ones when nobody is named. */
  list(authorId?: string, page?: Page): Answer<'moment.list'>
  like(momentId: string): Answer<'moment.like'>
  unlike(momentId: string): Answer<'moment.unlike'>
  likes(momentId: string, page?: Page): Answer<'moment.list-likes'>
  /** Not sent again by itself: twice would be two comments. */
  comment(
    momentId: string,
    text: string,
    options?: { replyToCommentId?: string; mentions?: string[] },
  ): Answer<'moment.comment'>
  deleteComment(momentId: string, commentId: string): Answer<'moment.delete-comment'>
  comments(momentId: string, page?: Page): Answer<'moment.list-comments'>
}

export function momentsOf(access: SocialAccess): Moments {
  return {
    create: (moment) => ask(access, 'moment.create', { clientMomentId: randomId('moment'), ...moment }),
    get: (momentId) => ask(access, 'moment.get', { momentId }),
    delete: (momentId) => access.request('moment.delete', { momentId }),
    timeline: (page = {}) => ask(access, 'moment.timeline', page),
    list: (authorId, page = {}) =>
      ask(access, 'moment.list', { ...page, ...(authorId !== undefined && { authorId }) }),
    like: (momentId) => ask(access, 'moment.like', { momentId }),
    unlike: (momentId) => ask(access, 'moment.unlike', { momentId }),
    likes: (momentId, page = {}) => ask(access, 'moment.list-likes', { momentId, ...page }),
    comment: (momentId, text, options = {}) =>
      access.request('moment.comment', { momentId, text, ...options }),
    deleteComment: (momentId, commentId) => access.request('moment.delete-comment', { momentId, commentId }),
    comments: (momentId, page = {}) => ask(access, 'moment.list-comments', { momentId, ...page }),
  }
}

/** What others did with the user's moments, words and name. */
export interface Interactions {
  list(page?: Page): Answer<'interaction.list'>
  /** Everything up to the number is read, on all devices of the user. */
  read(no: number): Answer<'interaction.read'>
}

export function interactionsOf(access: SocialAccess): Interactions {
  return {
    list: (page = {}) => ask(access, 'interaction.list', page),
    read: (no) => ask(access, 'interaction.read', { no }),
  }
}
