// What each error code means to a person and what can be done about it. No component builds an error text.

import type { ControlCode } from '$lib/bindings/ControlCode';
import type { ControlError } from '$lib/bindings/ControlError';
import { t } from '$lib/messages/en';

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

type Explanation = Omit<Explained, 'code' | 'help'> & { help: (message: string) => string };

/** Nobody speaks for the rig: what is shown is old. */
const NOBODY: ControlCode[] = ['agent_gone', 'agent_not_started', 'agent_silent'];

const EXPLANATIONS: Record<ControlCode, Explanation> = {
  agent_gone: { tone: 'fault', title: t.errors.agentGone.title, help: () => t.errors.agentGone.help, action: 'start-agent' },
  agent_not_started: { tone: 'fault', title: t.errors.agentNotStarted.title, help: (message) => message, action: 'start-agent' },
  agent_silent: { tone: 'fault', title: t.errors.agentSilent.title, help: () => t.errors.agentSilent.help, action: 'copy-report' },
  version_mismatch: { tone: 'fault', title: t.errors.versionMismatch.title, help: () => t.errors.versionMismatch.help, action: null },
  not_found: { tone: 'quiet', title: t.errors.notFound.title, help: () => t.errors.notFound.help, action: null },
  bad_request: { tone: 'fault', title: t.errors.unexpected.title, help: (message) => message, action: 'copy-report' },
  unexpected: { tone: 'fault', title: t.errors.unexpected.title, help: (message) => message, action: 'copy-report' },
};

/** How to show an error. */
export function explain(error: ControlError): Explained {
  const { tone, title, help, action } = EXPLANATIONS[error.code];
  return { code: error.code, tone, title, help: help(error.message), action };
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
  return { code: 'unexpected', message: typeof cause === 'string' ? cause : t.errors.unexpected.help };
}

/** What to send to whoever is asked for help. Holds no more than what the screen shows. */
export function report(error: Explained, nowMs: number): string {
  return [`Headframe`, `code: ${error.code}`, `text: ${error.help}`, `time: ${new Date(nowMs).toISOString()}`].join('\n');
}

function isCode(code: unknown): code is ControlCode {
  return typeof code === 'string' && Object.hasOwn(EXPLANATIONS, code);
}
