/** Which room an operation is about. What else an input holds is the operation's own; all of it is JSON, as is the answer. */
export interface RoomInput {
  projectId: string
  roomId: string
}

/** What a server process can be asked about a room that lives in any of them. */
export interface RoomOperations {
  /**
   * The operation as it is called: `run` in the process that holds the room, in this one when no other does. Rights are
   * checked by whoever calls; `run` never passes on, so that nothing goes around in circles.
   *
   * What is thrown there is thrown here: an AppError as it was, `unavailable` when no answer comes. Then nobody knows
   * whether it was carried out, and nothing here tries again.
   *
   * @param name the same in all processes
   */
  operation<Input extends RoomInput, Answer>(
    name: string,
    run: (input: Input) => Promise<Answer>,
  ): (input: Input) => Promise<Answer>
}

/** Where processes do not know how to reach each other: everything is carried out here, or refused. */
export const localOperations: RoomOperations = { operation: (_, run) => run }
