// One attempt's log: from near its end, and onwards for as long as somebody looks.

import type { LogChunk } from '$lib/bindings/LogChunk';
import { lines, NOTHING, utf8Length, visible, type Line } from '$lib/format/terminal';
import type { AttemptId } from '$lib/ipc/brand';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';

/** How far from the end the first look begins: some thousand lines, in four answers of the agent. */
const FIRST_BYTES = 256 * 1024;
/** An answer of this size is one the agent has cut: more is there. It cuts at 64 KiB, less what is half a character. */
const FULL_BYTES = 64 * 1024 - 3;
/** How often a running job's log is asked for more. Twice a second reads as live. */
const POLL_MS = 500;
/** After a failure there is no hurry. */
const RETRY_MS = 3_000;
/** Lines per block: a block is drawn once and never again. */
const BLOCK_LINES = 200;
/** Characters after which a block is full too: long lines are drawn as often as short ones. */
const BLOCK_CHARS = 64 * 1024;
/** Blocks kept; the oldest go. 20,000 lines are more than anyone scrolls through. */
const BLOCKS_MAX = 100;
/** Characters kept in blocks: as many as the agent keeps of a live log. */
const CHARS_MAX = 1024 * 1024;

/** A run of finished lines that will not change. */
export interface Block {
  id: number;
  text: string;
  /** How much of the log it stands for. */
  bytes: number;
}

/** Where a log is: `interrupted` is asked for again, `complete` is not. */
export type LogState = 'loading' | 'live' | 'interrupted' | 'complete' | 'missing';

export class Log {
  #attempt: AttemptId;
  #blocks = $state.raw<Block[]>([]);
  #tail = $state.raw<Line[]>([]);
  #unfinished = $state.raw<Line>(NOTHING);
  #state = $state<LogState>('loading');
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
    const open = visible(this.#unfinished.text);
    return [...this.#tail.map(({ text }) => text), ...(open === '' ? [] : [open])].join('\n');
  }

  get empty(): boolean {
    return this.#blocks.length === 0 && this.tail === '';
  }

  get state(): LogState {
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
      return chunk.end - chunk.offset >= FULL_BYTES ? 0 : POLL_MS;
    } catch (cause) {
      if (!wanted()) return null;
      const error = controlError(cause);
      this.#error = explain(error);
      // What is not there now will not come back; anything else may.
      const missing = error.code === 'not_found';
      this.#state = missing ? 'missing' : 'interrupted';
      return missing ? null : RETRY_MS;
    }
  }

  #append(chunk: LogChunk) {
    let text = chunk.text;
    if (this.#end === null) {
      // The first piece of a long log begins in the middle of a line; half a line helps nobody.
      const whole = chunk.offset > 0 ? text.indexOf('\n') + 1 : 0;
      this.#cutBytes = chunk.offset + utf8Length(text.slice(0, whole));
      text = text.slice(whole);
    }
    this.#end = chunk.end;
    const read = lines(this.#unfinished, text);
    this.#unfinished = read.unfinished;
    this.#tail = this.#seal([...this.#tail, ...read.finished]);
    this.#state = chunk.complete ? 'complete' : 'live';
  }

  /** Moves full blocks out of the tail. */
  #seal(tail: Line[]): Line[] {
    const sealed: Block[] = [];
    let from = 0;
    let chars = 0;
    tail.forEach(({ text }, at) => {
      chars += text.length + 1;
      if (at + 1 - from < BLOCK_LINES && chars < BLOCK_CHARS) return;
      this.#lastBlock += 1;
      sealed.push(block(this.#lastBlock, tail.slice(from, at + 1)));
      [from, chars] = [at + 1, 0];
    });
    if (sealed.length > 0) this.#evict([...this.#blocks, ...sealed]);
    return from === 0 ? tail : tail.slice(from);
  }

  /** Keeps the newest blocks; what goes counts as not shown. */
  #evict(all: Block[]) {
    let kept = 0;
    let chars = 0;
    for (const { text } of all.toReversed()) {
      chars += text.length;
      if (kept === BLOCKS_MAX || chars > CHARS_MAX) break;
      kept += 1;
    }
    const gone = all.slice(0, all.length - kept);
    this.#cutBytes += gone.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#blocks = all.slice(all.length - kept);
  }
}

function block(id: number, of: Line[]): Block {
  return { id, text: of.map(({ text }) => text).join('\n'), bytes: of.reduce((sum, { bytes }) => sum + bytes, 0) };
}
