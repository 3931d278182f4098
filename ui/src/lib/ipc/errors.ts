// What each error code means to a person and what can be done about it. No component builds an error text.

import type { ControlCode } from '$lib/bindings/ControlCode';
import type { ControlError } from '$lib/bindings/ControlError';
import { m } from '$lib/messages';

/** What a person can do about an error right here. */
export type ErrorAction = 'start-agent' | 'copy-report' | null;

/** An error as it is shown. */
export interface Explained {
  code: ControlCode;
  tone: 'fault' | 'quiet';
  title: string;
  help: string;
  action: ErrorAction;
}

/** Words are asked for when they are shown: the language may have changed since. */
type Explanation = Omit<Explained, 'code' | 'title' | 'help'> & { title: () => string; help: (message: string) => string };

/** Nobody speaks for the rig: what is shown is old. */
const NOBODY: ControlCode[] = ['agent_gone', 'agent_not_started', 'agent_silent'];

const EXPLANATIONS: Record<ControlCode, Explanation> = {
  agent_gone: { tone: 'fault', title: m.error_agent_gone_title, help: m.error_agent_gone_help, action: 'start-agent' },
  agent_not_started: { tone: 'fault', title: m.error_agent_not_started_title, help: (message) => message, action: 'start-agent' },
  agent_silent: { tone: 'fault', title: m.error_agent_silent_title, help: m.error_agent_silent_help, action: 'copy-report' },
  version_mismatch: { tone: 'fault', title: m.error_version_mismatch_title, help: m.error_version_mismatch_help, action: 'start-agent' },
  not_found: { tone: 'quiet', title: m.error_not_found_title, help: m.error_not_found_help, action: null },
  changed: { tone: 'quiet', title: m.error_changed_title, help: m.error_changed_help, action: null },
  bad_request: { tone: 'fault', title: m.error_unexpected_title, help: (message) => message, action: 'copy-report' },
  unexpected: { tone: 'fault', title: m.error_unexpected_title, help: (message) => message, action: 'copy-report' },
};

/** How to show an error. */
export function explain(error: ControlError): Explained {
  const { tone, title, help, action } = EXPLANATIONS[error.code];
  return { code: error.code, tone, title: title(), help: help(error.message), action };
}

/** Whether an error says that there is no agent to speak with, rather than what the agent said. */
export function isNobody({ code }: ControlError): boolean {
  return NOBODY.includes(code);
}

/** Whatever was thrown, as an error we know. A code from a newer agent counts as unexpected. */
export function controlError(cause: unknown): ControlError {
  if (typeof cause === 'object' && cause !== null && 'code' in cause && 'message' in cause) {
    const { code, message } = cause;
    if (typeof message === 'string') return { code: isCode(code) ? code : 'unexpected', message };
  }
  return { code: 'unexpected', message: typeof cause === 'string' ? cause : m.error_unexpected_help() };
}

/** What to send to whoever is asked for help. Holds no more than what the screen shows. */
export function report(error: Explained, nowMs: number): string {
  return [`Headframe`, `code: ${error.code}`, `text: ${error.help}`, `time: ${new Date(nowMs).toISOString()}`].join('\n');
}

function isCode(code: unknown): code is ControlCode {
  return typeof code === 'string' && Object.hasOwn(EXPLANATIONS, code);
}
