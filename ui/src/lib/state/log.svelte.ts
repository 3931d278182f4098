// One attempt's log: from near its end, and onwards for as long as somebody looks.

import type { LogChunk } from '$lib/bindings/LogChunk';
import { lines, visible } from '$lib/format/terminal';
import type { AttemptId } from '$lib/ipc/brand';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';

/** How far from the end the first look begins: some thousand lines, in one answer of the agent. */
const FIRST_BYTES = 256 * 1024;
/** How often a running job's log is asked for more. Twice a second reads as live. */
const POLL_MS = 500;
/** After a failure there is no hurry. */
const RETRY_MS = 3_000;
/** Lines per block: a block is drawn once and never again. */
const BLOCK_LINES = 200;
/** Blocks kept; the oldest go. 20,000 lines are more than anyone scrolls through. */
const BLOCKS_MAX = 100;

/** A run of finished lines that will not change. */
export interface Block {
  id: number;
  text: string;
}

export class Log {
  #attempt: AttemptId;
  #blocks = $state.raw<Block[]>([]);
  #tail = $state.raw<string[]>([]);
  #unfinished = $state('');
  #state = $state<'loading' | 'live' | 'complete'>('loading');
  #error = $state.raw<Explained | null>(null);
  #cutBytes = $state(0);
  #end: number | null = null;
  #lastBlock = 0;

  constructor(attempt: AttemptId) {
    this.#attempt = attempt;
  }

  /** Older lines, in blocks that never change. */
  get blocks(): Block[] {
    return this.#blocks;
  }

  /** The newest lines, the unfinished one included. */
  get tail(): string {
    const open = visible(this.#unfinished);
    return [...this.#tail, ...(open === '' ? [] : [open])].join('\n');
  }

  get empty(): boolean {
    return this.#blocks.length === 0 && this.tail === '';
  }

  /** `loading` until the first answer, `complete` when nothing can follow. */
  get state(): 'loading' | 'live' | 'complete' {
    return this.#state;
  }

  get error(): Explained | null {
    return this.#error;
  }

  /** Bytes before the first line shown. */
  get cutBytes(): number {
    return this.#cutBytes;
  }

  /** Everything shown, for the clipboard. */
  get text(): string {
    return [...this.#blocks.map((block) => block.text), this.tail].filter((part) => part !== '').join('\n');
  }

  /** Reads on until the log is complete or the returned function is called. */
  follow(): () => void {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const step = async () => {
      const wait = await this.#read(() => !over);
      if (!over && wait !== null) timer = setTimeout(step, wait);
    };
    void step();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }

  /** Reads one piece; answers how long to wait for the next, or null at the end. */
  async #read(wanted: () => boolean): Promise<number | null> {
    try {
      const chunk = await commands.log({ attempt: this.#attempt, offset: this.#end ?? -FIRST_BYTES });
      if (!wanted()) return null;
      this.#append(chunk);
      this.#error = null;
      if (chunk.complete) return null;
      return chunk.end > chunk.offset ? 0 : POLL_MS;
    } catch (cause) {
      const error = controlError(cause);
      this.#error = explain(error);
      // What is not there now will not come back; anything else may.
      return error.code === 'not_found' ? null : RETRY_MS;
    }
  }

  #append(chunk: LogChunk) {
    let text = chunk.text;
    if (this.#end === null) {
      this.#cutBytes = chunk.offset;
      // The first piece of a long log begins in the middle of a line; half a line helps nobody.
      if (chunk.offset > 0) text = text.slice(text.indexOf('\n') + 1);
    }
    this.#end = chunk.end;
    const read = lines(this.#unfinished, text);
    this.#unfinished = read.unfinished;
    this.#tail = this.#seal([...this.#tail, ...read.finished]);
    this.#state = chunk.complete ? 'complete' : 'live';
  }

  /** Moves full blocks out of the tail. */
  #seal(tail: string[]): string[] {
    let rest = tail;
    const sealed: Block[] = [];
    while (rest.length >= BLOCK_LINES) {
      this.#lastBlock += 1;
      sealed.push({ id: this.#lastBlock, text: rest.slice(0, BLOCK_LINES).join('\n') });
      rest = rest.slice(BLOCK_LINES);
    }
    if (sealed.length > 0) this.#blocks = [...this.#blocks, ...sealed].slice(-BLOCKS_MAX);
    return rest;
  }
}
