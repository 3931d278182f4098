// Invented rules, kept as long as the page, and past days that were all alike.

import type { Loss } from '$lib/bindings/Loss';
import type { OwnerRules } from '$lib/bindings/OwnerRules';
import type { RulesPage } from '$lib/bindings/RulesPage';
import type { SetRulesArgs } from '$lib/bindings/SetRulesArgs';
import type { SimulateArgs } from '$lib/bindings/SimulateArgs';
import type { Simulation } from '$lib/bindings/Simulation';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ALL_DAY = 'iiiiii|iiiiii|iiiiii|iiiiii';

const DEFAULTS: OwnerRules = {
  away: { require: true, threshold_s: 120, locked_is_away: true, remote_is_here: true },
  schedule: { mon: ALL_DAY, tue: ALL_DAY, wed: ALL_DAY, thu: ALL_DAY, fri: ALL_DAY, sat: ALL_DAY, sun: ALL_DAY },
  power: { on_battery: false },
  network: { on_metered: false, up_kib_per_second: 0, down_kib_per_second: 0 },
  heat: { cpu_max_c: 95, gpu_max_c: 90, resume_below_c: 15 },
  load: { others_max_percent: 50, for_s: 10 },
  programs: { never_disturb: [], fullscreen: true },
  gpus: { kept: [], others_memory_mib: 1536, others_load_percent: 40 },
  giving_back: { input_s: 5, game_s: 1, battery_s: 5, cool_down_s: 30 },
  tariff: { price_per_kwh: '', watts: 0, min_net_per_hour: '0', bands: [] },
  internet: { jobs: false, kib_per_second: 1024, mib_per_job: 10240 },
  jobs: { gpu: true, cpu: true, unsaved: true, longest_hours: 0, undeclared: true, adult: true, blocked: [] },
};

/** The file of an invented owner. */
export class RulesFile {
  rules: OwnerRules | null = structuredClone(DEFAULTS);
  #revision = 1;

  page(): RulesPage {
    const found = this.rules
      ? { rules: structuredClone(this.rules) }
      : { problem: '/home/ada/.local/share/headframe/rules.toml cannot be understood: line 3: unknown key `threshhold_s`' };
    return { ...found, defaults: structuredClone(DEFAULTS), revision: String(this.#revision), file: '/home/ada/.local/share/headframe/rules.toml', zone: 'Europe/Madrid' };
  }

  /** Somebody edits the file by hand. */
  edit(rules: OwnerRules) {
    this.rules = rules;
    this.#revision += 1;
  }

  async set({ rules, revision }: SetRulesArgs): Promise<RulesPage> {
    if (revision !== String(this.#revision)) throw { code: 'changed', message: 'Nothing was saved: the rules were changed elsewhere meanwhile.' };
    if (rules.away.threshold_s < 1) {
      throw { code: 'bad_request', message: 'Nothing was saved: `away.threshold_s` must be 1 to 86400, found 0.' };
    }
    if (![0, 1, 2, 4, 8, 12, 24, 48, 72, 168].includes(rules.jobs.longest_hours)) {
      throw { code: 'bad_request', message: `Nothing was saved: \`jobs.longest_hours\` must be 0, 1, 2, 4, 8, 12, 24, 48, 72 or 168, found ${rules.jobs.longest_hours}.` };
    }
    this.edit(structuredClone(rules));
    return this.page();
  }

  /** As the agent does it, whatever a window shows. */
  block(customer: string, job: string, nowMs: number): RulesPage {
    const rules = structuredClone(this.rules ?? DEFAULTS);
    if (rules.jobs.blocked.every((blocked) => blocked.customer !== customer)) {
      rules.jobs.blocked.push({ customer, job, since: new Date(nowMs).toISOString() });
    }
    this.edit(rules);
    return this.page();
  }

  unblock(customer: string): RulesPage {
    const rules = structuredClone(this.rules ?? DEFAULTS);
    rules.jobs.blocked = rules.jobs.blocked.filter((blocked) => blocked.customer !== customer);
    this.edit(rules);
    return this.page();
  }

  /** An owner who is away from nine to seventeen and from midnight to seven. */
  simulate({ days, draft }: SimulateArgs, nowMs: number): Simulation {
    const rules = draft ?? this.rules ?? DEFAULTS;
    const from = new Date(nowMs - days * DAY_MS);
    const week = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
    const each = Array.from({ length: days }, (_, number) => {
      const day = new Date(from.getTime() + number * DAY_MS);
      const letters = rules.schedule[week[day.getDay()] ?? 'mon'].replace(/[ |]/g, '');
      const works = [...letters].filter((letter, hour) => letter === 'a' || (letter === 'i' && (hour < 7 || (hour >= 9 && hour < 17)))).length;
      const never = [...letters].filter((letter) => letter === '-').length;
      const here = 24 - works - never;
      return { date: day.toISOString().slice(0, 10), worksMs: works * HOUR_MS, unknownMs: 0, interruptions: 2, lost: losses(here, never) };
    });
    const sum = (to: Loss['to']) => each.flatMap(({ lost }) => lost.filter((loss) => loss.to === to)).reduce((all, { ms }) => all + ms, 0);
    const lost = losses(sum('owner_active') / HOUR_MS, sum('schedule') / HOUR_MS);
    const worksMs = each.reduce((sum, day) => sum + day.worksMs, 0);
    return { fromMs: from.getTime(), untilMs: nowMs, worksMs, unknownMs: 0, interruptions: days * 2, lost, days: each };
  }
}

/** Of so many hours each, the largest first. */
function losses(here: number, closed: number): Loss[] {
  const all: Loss[] = [
    { to: 'owner_active', ms: here * HOUR_MS },
    { to: 'schedule', ms: closed * HOUR_MS },
  ];
  return all.filter(({ ms }) => ms > 0).sort((one, other) => other.ms - one.ms);
}
