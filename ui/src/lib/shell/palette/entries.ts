// Everything that can be done and seen at this moment, by name.

import Copy from '@lucide/svelte/icons/copy';
import FileText from '@lucide/svelte/icons/file-text';
import Flag from '@lucide/svelte/icons/flag';
import Languages from '@lucide/svelte/icons/languages';
import Monitor from '@lucide/svelte/icons/monitor';
import Moon from '@lucide/svelte/icons/moon';
import Pause from '@lucide/svelte/icons/pause';
import Play from '@lucide/svelte/icons/play';
import RotateCw from '@lucide/svelte/icons/rotate-cw';
import Sun from '@lucide/svelte/icons/sun';
import Sunrise from '@lucide/svelte/icons/sunrise';
import Timer from '@lucide/svelte/icons/timer';
import type { JobCard } from '$lib/bindings/JobCard';
import { moment } from '$lib/format/time';
import { search } from '$lib/format/search';
import type { Choice } from '$lib/kit/Palette.svelte';
import { m } from '$lib/messages';
import { LANGUAGES, type Language } from '$lib/messages/languages';
import { actHint, actLabel, offers, type Act } from '$lib/rig/actions';
import type { Agent } from '$lib/state/agent.svelte';
import type { Choices } from '$lib/state/choices';
import type { Settings } from '$lib/state/settings.svelte';
import { PAGES } from '$lib/shell/pages';
import { keysOf } from './shortcuts';

/** A choice, and what it does. */
export interface Entry extends Choice {
  does:
    | { kind: 'go'; path: string }
    | { kind: 'act'; act: Act | 'start-agent' }
    | { kind: 'report' }
    | { kind: 'choose'; choice: Partial<Choices> };
}

/** Where entries come from. */
export interface Known {
  agent: Pick<Agent, 'snapshot' | 'gone'>;
  jobs: JobCard[];
  settings: Pick<Settings, 'choices' | 'language' | 'systemLanguage'>;
  nowMs: number;
  apple: boolean;
}

/** Jobs that are offered before anything is typed. */
const RECENT = 3;
/** Jobs that are offered for what is typed; who looks for more looks at their page. */
const FOUND = 8;

const ACT_ICONS: Record<Act, Choice['icon']> = { start: Play, resume: Play, pause: Pause, snooze: Timer, tomorrow: Sunrise, finish: Flag };

/** What a query means, or all that is of use now. */
export function found(query: string, known: Known): Entry[] {
  const jobs = jobEntries(known);
  const before = [...actEntries(known), ...pageEntries(known)];
  const after = windowEntries(known);
  if (query.trim() === '') return [...before, ...jobs.slice(0, RECENT), ...after];
  const name = ({ group, label, hint }: Entry) => ({ name: label, more: `${hint ?? ''} ${group}` });
  return search(query, [...before, ...search(query, jobs, name).slice(0, FOUND), ...after], name);
}

function pageEntries({ apple }: Known): Entry[] {
  return PAGES.flat().map(({ path, name, icon }) => {
    const keys = keysOf(path, apple);
    return { id: `page${path.replaceAll('/', '-')}`, group: m.palette_pages(), label: name(), icon, does: { kind: 'go', path }, ...(keys && { keys }) };
  });
}

function actEntries({ agent, nowMs }: Known): Entry[] {
  const group = m.palette_rig();
  const report: Entry = { id: 'report', group, label: m.shell_copy_report(), hint: m.palette_report_hint(), icon: Copy, does: { kind: 'report' } };
  if (agent.gone) {
    const start: Entry = { id: 'start-agent', group, label: m.palette_start_agent(), icon: RotateCw, does: { kind: 'act', act: 'start-agent' } };
    return agent.gone.action === 'start-agent' ? [start, report] : [report];
  }
  if (!agent.snapshot) return [];
  const { primary, more } = offers(agent.snapshot.phase);
  const acts = [primary, ...more].map((act): Entry => ({
    id: act, group, label: actLabel(act, nowMs), hint: actHint(act), icon: ACT_ICONS[act], does: { kind: 'act', act },
  }));
  return [...acts, report];
}

function jobEntries({ jobs, nowMs }: Known): Entry[] {
  return jobs.map((job) => ({
    id: job.attempt,
    group: m.palette_jobs(),
    label: job.title,
    hint: m.shell_sentences({ first: m[`stage_${job.stage}`](), second: moment(job.startedMs, nowMs) }),
    icon: FileText,
    does: { kind: 'go', path: `/jobs/${job.attempt}` },
  }));
}

function windowEntries({ settings }: Known): Entry[] {
  const { theme, language } = settings.choices;
  const themes: [Choices['theme'], string, Choice['icon']][] = [
    ['dark', m.settings_theme_dark(), Moon],
    ['light', m.settings_theme_light(), Sun],
    ['system', m.settings_theme_system(), Monitor],
  ];
  const languages: [Choices['language'], string][] = [
    ...(Object.keys(LANGUAGES) as Language[]).filter((one) => one !== settings.language).map((one): [Language, string] => [one, LANGUAGES[one].name]),
    ['system', m.settings_language_system({ language: LANGUAGES[settings.systemLanguage].name })],
  ];
  return [
    ...themes.filter(([one]) => one !== theme).map(([one, label, icon]): Entry => ({
      id: `theme-${one}`, group: m.settings_theme(), label, icon, does: { kind: 'choose', choice: { theme: one } },
    })),
    ...languages.filter(([one]) => one !== language).map(([one, label]): Entry => ({
      id: `language-${one}`, group: m.settings_language(), label, icon: Languages, does: { kind: 'choose', choice: { language: one } },
    })),
  ];
}
