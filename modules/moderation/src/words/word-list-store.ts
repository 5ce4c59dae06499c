import {
  AppError,
  type ModerationVerdict,
  type ModerationWord,
  maxListWords,
  type WordList,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope, Transaction } from '@parley/core/store'
import type { ModerationConfig } from '../config.ts'

interface ListRow {
  list_id: string
  verdict: ModerationVerdict
  conversation_types: string[] | null
  languages: string[] | null
  whole_words: boolean
  leet: boolean
  word_count: number
  version: number
  created_at: Date
  updated_at: Date
}

interface WordRow {
  word: string
  verdict: ModerationVerdict | null
}

export interface WordListGiven {
  verdict: ModerationVerdict
  scope: 'all' | string[]
  languages?: string[] | undefined
  wholeWords: boolean
  leet: boolean
  words?: ModerationWord[] | undefined
}

const columns = `list_id, verdict, conversation_types, languages, whole_words, leet, word_count, version, created_at,
  updated_at`

/** Word lists as customers write them. Every change is told through the outbox in its own transaction. */
export class WordListStore {
  readonly #outbox: Outbox
  readonly #limits: Pick<ModerationConfig, 'maxLists' | 'maxWords'>

  constructor(outbox: Outbox, limits: Pick<ModerationConfig, 'maxLists' | 'maxWords'>) {
    this.#outbox = outbox
    this.#limits = limits
  }

  /** Throws `limit-exceeded`. */
  put(project: ProjectScope, id: string, given: WordListGiven): Promise<WordList> {
    return this.#change(project, async (tx) => {
      const { projectId } = project
      await tx.query({
        text: `insert into moderation.word_lists as l
            (project_id, list_id, verdict, conversation_types, languages, whole_words, leet)
          values ($1, $2, $3, $4, $5, $6, $7)
          on conflict (project_id, list_id) do update set verdict = excluded.verdict,
            conversation_types = excluded.conversation_types, languages = excluded.languages,
            whole_words = excluded.whole_words, leet = excluded.leet`,
        values: [
          projectId,
          id,
          given.verdict,
          given.scope === 'all' ? null : given.scope,
          given.languages ?? null,
          given.wholeWords,
          given.leet,
        ],
      })
      if (given.words !== undefined) {
        await tx.query({
          text: 'delete from moderation.words where project_id = $1 and list_id = $2',
          values: [projectId, id],
        })
        await addWords(tx, projectId, id, given.words)
      }
      return this.#counted(tx, projectId, id)
    })
  }

  /** Throws `not-found` and `limit-exceeded`. */
  add(project: ProjectScope, id: string, words: readonly ModerationWord[]): Promise<WordList> {
    return this.#change(project, async (tx) => {
      await find(tx, project.projectId, id)
      await addWords(tx, project.projectId, id, words)
      return this.#counted(tx, project.projectId, id)
    })
  }

  /** Throws `not-found`. */
  remove(project: ProjectScope, id: string): Promise<void> {
    return this.#change(project, async (tx) => {
      const { rowCount } = await tx.query({
        text: 'delete from moderation.word_lists where project_id = $1 and list_id = $2',
        values: [project.projectId, id],
      })
      if (rowCount === 0) throw notFound()
    })
  }

  /** Throws `not-found`. */
  async get(project: ProjectScope, id: string): Promise<WordList> {
    return toWordList(await find(project, project.projectId, id))
  }

  async list(project: ProjectScope, page: PageRequest) {
    const { rows } = await project.query<ListRow>({
      text: `select ${columns} from moderation.word_lists where project_id = $1 and list_id > $2
        order by list_id limit $3`,
      values: [project.projectId, decodeCursor(page.cursor) ?? '', page.limit + 1],
    })
    return toPage(rows, page.limit, { keyOf: (row) => row.list_id, itemOf: toWordList })
  }

  async words(project: ProjectScope, id: string, page: PageRequest) {
    await find(project, project.projectId, id)
    const { rows } = await project.query<WordRow>({
      text: `select word, verdict from moderation.words
        where project_id = $1 and list_id = $2 and word > $3 order by word limit $4`,
      values: [project.projectId, id, decodeCursor(page.cursor) ?? '', page.limit + 1],
    })
    return toPage(rows, page.limit, {
      keyOf: (row) => row.word,
      itemOf: ({ word, verdict }) => ({ text: word, ...(verdict !== null && { verdict }) }),
    })
  }

  /** Every list of the project with all its words, in one snapshot. */
  readAll(project: ProjectScope): Promise<{ list: WordList; words: ModerationWord[] }[]> {
    return project.transaction(async (tx) => {
      await tx.query({ text: 'set transaction isolation level repeatable read' })
      const { rows } = await tx.query<ListRow>({
        text: `select ${columns} from moderation.word_lists where project_id = $1 order by list_id`,
        values: [project.projectId],
      })
      const all: { list: WordList; words: ModerationWord[] }[] = []
      for (const row of rows) {
        const answer = await tx.query<WordRow>({
          text: 'select word, verdict from moderation.words where project_id = $1 and list_id = $2',
          values: [project.projectId, row.list_id],
        })
        const words = answer.rows.map(({ word, verdict }) => ({ text: word, ...(verdict && { verdict }) }))
        all.push({ list: toWordList(row), words })
      }
      return all
    })
  }

  #change<T>(project: ProjectScope, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const { projectId } = project
    return project.transaction(async (tx) => {
      await tx.query({
        text: `select pg_advisory_xact_lock(hashtextextended('moderation-words/' || $1, 0))`,
        values: [projectId],
      })
      const answer = await work(tx)
      await this.#outbox.append(tx, [
        { projectId, resource: 'moderation/words', type: 'moderation.changed', data: { part: 'words' } },
      ])
      return answer
    })
  }

  async #counted(tx: Transaction, projectId: string, id: string): Promise<WordList> {
    const { rows } = await tx.query<ListRow>({
      text: `update moderation.word_lists set version = version + 1, updated_at = now(), word_count =
          (select count(*) from moderation.words where project_id = $1 and list_id = $2)
        where project_id = $1 and list_id = $2 returning ${columns}`,
      values: [projectId, id],
    })
    const { rows: sums } = await tx.query<{ lists: number; words: number }>({
      text: `select count(*)::int as lists, coalesce(sum(word_count), 0)::int as words
        from moderation.word_lists where project_id = $1`,
      values: [projectId],
    })
    const [row, sum] = [rows[0], sums[0]]
    if (row === undefined || sum === undefined) throw notFound()
    const { maxLists, maxWords } = this.#limits
    if (row.word_count > maxListWords)
      throw new AppError('limit-exceeded', `A list has at most ${maxListWords} words`)
    if (sum.words > maxWords) throw new AppError('limit-exceeded', `A project has at most ${maxWords} words`)
    if (sum.lists > maxLists)
      throw new AppError('limit-exceeded', `A project has at most ${maxLists} word lists`)
    return toWordList(row)
  }
}

/** The last of those that are the same counts. */
async function addWords(
  tx: Transaction,
  projectId: string,
  id: string,
  words: readonly ModerationWord[],
): Promise<void> {
  const last = new Map(words.map((word) => [word.text, word.verdict ?? null]))
  await tx.query({
    text: `insert into moderation.words (project_id, list_id, word, verdict)
      select $1, $2, word, verdict from unnest($3::text[], $4::text[]) as given(word, verdict)
      on conflict (project_id, list_id, word) do update set verdict = excluded.verdict`,
    values: [projectId, id, [...last.keys()], [...last.values()]],
  })
}

async function find(queryable: Pick<Transaction, 'query'>, projectId: string, id: string): Promise<ListRow> {
  const { rows } = await queryable.query<ListRow>({
    text: `select ${columns} from moderation.word_lists where project_id = $1 and list_id = $2`,
    values: [projectId, id],
  })
  const [row] = rows
  if (row === undefined) throw notFound()
  return row
}

function notFound(): AppError {
  return new AppError('not-found', 'There is no such word list')
}

function toWordList(row: ListRow): WordList {
  return {
    id: row.list_id,
    verdict: row.verdict,
    scope: row.conversation_types ?? 'all',
    ...(row.languages !== null && { languages: row.languages }),
    wholeWords: row.whole_words,
    leet: row.leet,
    wordCount: row.word_count,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
