// What the rig is doing, why, and what comes next, in two sentences that keep counting between snapshots.

import { shortModel } from './chassis';
import { wayOut, type WayOut } from './way-out';
import type { Link } from '$lib/bindings/Link';
import type { Snapshot } from '$lib/bindings/Snapshot';
import type { WaitReason } from '$lib/bindings/WaitReason';
import { coarse, countdown, duration } from '$lib/format/duration';
import { money } from '$lib/format/money';
import { counted } from '$lib/format/number';
import { timeOfDay } from '$lib/format/time';
import { quantity } from '$lib/format/unit';
import { m } from '$lib/messages';

/** The headline of the Rig page. */
export interface Headline {
  title: string;
  detail: string;
  /** Whatever else stands in the way, shortly. */
  also: string[];
  /** A fault has a way out; waiting is normal. */
  fault: boolean;
  /** Where the owner finds what to do, if there is anything. */
  out: WayOut | null;
}

/** Puts a snapshot into words at a moment. */
export function headline({ phase, sinceMs, link, working, clock }: Snapshot, nowMs: number): Headline {
  const since = duration(nowMs - sinceMs);
  const ready = calm(m.headline_ready_title(), m.headline_ready_detail({ since }));
  switch (phase.kind) {
    case 'off':
      return calm(m.headline_off_title(), m.headline_off_detail());
    case 'checking':
      return calm(m.headline_checking_title(), m.headline_checking_detail());
    case 'benchmarking': {
      const measured = { percent: quantity(phase.percent, 'percent'), left: countdown(phase.leftS * 1_000) };
      const what = shortModel(phase.what) || phase.what;
      const detail = what === '' ? m.headline_benchmarking_looking() : m.headline_benchmarking_detail({ what, ...measured });
      return calm(m.headline_benchmarking_title(), detail);
    }
    case 'waiting': {
      const [first, ...others] = phase.reasons;
      if (!first) return ready;
      const words = { ...wait(first, link, nowMs), also: others.map(short), fault: isFault(first), out: wayOut(first) };
      // Why it cannot be reached is known, and what to do stands above, on every page.
      const isShutOut = first.kind === 'offline' && clock !== undefined && clock.kind !== 'off';
      return isShutOut ? { ...words, detail: m.clock_offline(), fault: true, out: null } : words;
    }
    case 'ready':
      return ready;
    case 'preparing':
      return calm(m.headline_preparing_title(), m.headline_preparing_detail());
    case 'working':
      return calm(m.headline_working_title({ count: counted(Math.max(1, working.length)) }), m.headline_working_detail({ since }));
    case 'yielding':
      return calm(m.headline_yielding_title(), m.headline_yielding_detail());
    case 'uploading':
      return calm(m.headline_uploading_title(), m.headline_uploading_detail());
    case 'draining':
      return calm(m.headline_draining_title(), m.headline_draining_detail());
    case 'paused':
      return calm(m.headline_paused_title(), paused(phase.untilMs, sinceMs, nowMs));
  }
}

function wait(reason: WaitReason, link: Link, nowMs: number): { title: string; detail: string } {
  switch (reason.kind) {
    case 'owner_active': {
      const title = m.waiting_owner_active_title();
      const left = reason.startsMs - nowMs;
      // Seconds are for who waits for them; else they would only have the window drawn again and again.
      const exact = left < 600_000;
      const ago = exact ? duration(nowMs - reason.lastInputMs) : coarse(nowMs - reason.lastInputMs);
      if (left <= 0) return { title, detail: m.waiting_owner_active_soon() };
      return { title, detail: m.waiting_owner_active_detail({ ago, left: exact ? countdown(left) : coarse(left) }) };
    }
    case 'no_idle_probe':
      return { title: m.waiting_no_idle_probe_title(), detail: m.waiting_no_idle_probe_detail() };
    case 'no_engine':
      return { title: m.waiting_no_engine_title(), detail: m.waiting_no_engine_detail() };
    case 'engine_unusable':
      return { title: m.waiting_engine_unusable_title(), detail: reason.message };
    case 'offline':
      return { title: m.waiting_offline_title(), detail: offline(link, nowMs) };
    case 'refused': {
      const fix = m[`refused_${reason.code}_fix`]();
      return { title: m[`refused_${reason.code}_title`](), detail: reason.message === '' ? fix : m.shell_sentences({ first: reason.message, second: fix }) };
    }
    case 'backing_off': {
      const left = reason.untilMs - nowMs;
      const detail = left > 0 ? m.waiting_backing_off_detail({ left: countdown(left) }) : m.waiting_backing_off_soon();
      return { title: m.waiting_backing_off_title(), detail };
    }
    case 'disk_full':
      return { title: m.waiting_disk_full_title(), detail: m.waiting_disk_full_detail() };
    case 'schedule': {
      return { title: m.waiting_schedule_title(), detail: schedule(reason.opensMs, nowMs) };
    }
    case 'remote':
      return { title: m.waiting_remote_title(), detail: m.waiting_remote_detail() };
    case 'program':
      return { title: m.waiting_program_title({ name: reason.name }), detail: m.waiting_program_detail() };
    case 'fullscreen':
      return { title: m.waiting_fullscreen_title(), detail: m.waiting_fullscreen_detail() };
    case 'on_battery':
      return { title: m.waiting_on_battery_title(), detail: m.waiting_on_battery_detail() };
    case 'metered':
      return { title: m.waiting_metered_title(), detail: m.waiting_metered_detail() };
    case 'hot': {
      const [celsius, resumes] = [quantity(reason.celsius, 'celsius'), quantity(reason.resumesAt, 'celsius')];
      return { title: m.waiting_hot_title(), detail: m[`waiting_hot_${reason.part}_detail`]({ celsius, resumes }) };
    }
    case 'busy': {
      const [percent, most] = [quantity(reason.percent, 'percent'), quantity(reason.atMost, 'percent')];
      return { title: m.waiting_busy_title(), detail: m.waiting_busy_detail({ percent, most }) };
    }
    case 'gpu_in_use': {
      const [program, gpu] = [reason.program, shortModel(reason.gpu)];
      return { title: m.waiting_gpu_in_use_title({ program }), detail: m.waiting_gpu_in_use_detail({ program, gpu }) };
    }
    case 'gpu_kept':
      return { title: m.waiting_gpu_kept_title(), detail: m.waiting_gpu_kept_detail({ gpu: shortModel(reason.gpu) }) };
    case 'cooling_down': {
      const left = reason.untilMs - nowMs;
      const detail = left > 0 ? m.waiting_cooling_down_detail({ left: countdown(left) }) : m.waiting_cooling_down_soon();
      return { title: m.waiting_cooling_down_title(), detail };
    }
    case 'unprofitable': {
      const [power, floor] = [money(reason.powerPerHour), money(reason.floorPerHour)];
      return { title: m.waiting_unprofitable_title(), detail: m.waiting_unprofitable_detail({ power, floor }) };
    }
    case 'probe_broken':
      return { title: m.waiting_probe_broken_title(reason), detail: m.waiting_probe_broken_detail(reason) };
    case 'rules_broken':
      return { title: m.waiting_rules_broken_title(), detail: reason.message };
  }
}

function schedule(opensMs: number | undefined, nowMs: number): string {
  if (opensMs === undefined) return m.waiting_schedule_never();
  const left = opensMs - nowMs;
  return left > 0 ? m.waiting_schedule_opens({ left: countdown(left), at: timeOfDay(opensMs) }) : m.waiting_schedule_soon();
}

function offline(link: Link, nowMs: number): string {
  switch (link.kind) {
    case 'waiting':
      return link.untilMs > nowMs ? m.waiting_offline_again({ left: countdown(link.untilMs - nowMs) }) : m.waiting_offline_dialling();
    case 'connecting':
      return m.waiting_offline_dialling();
    case 'connected':
    case 'refused':
      return m.waiting_offline_detail();
  }
}

/** A reason in a few words, to stand beside others. */
export function short(reason: WaitReason): string {
  switch (reason.kind) {
    case 'owner_active':
      return m.waiting_owner_active_short();
    case 'no_idle_probe':
      return m.waiting_no_idle_probe_short();
    case 'no_engine':
      return m.waiting_no_engine_short();
    case 'engine_unusable':
      return m.waiting_engine_unusable_short();
    case 'offline':
      return m.waiting_offline_short();
    case 'refused':
      return m[`refused_${reason.code}_title`]();
    case 'backing_off':
      return m.waiting_backing_off_short();
    case 'disk_full':
      return m.waiting_disk_full_short();
    case 'schedule':
      return m.waiting_schedule_short();
    case 'remote':
      return m.waiting_remote_short();
    case 'program':
      return m.waiting_program_short({ name: reason.name });
    case 'fullscreen':
      return m.waiting_fullscreen_short();
    case 'on_battery':
      return m.waiting_on_battery_short();
    case 'metered':
      return m.waiting_metered_short();
    case 'hot':
      return m[`waiting_hot_${reason.part}_short`]();
    case 'busy':
      return m.waiting_busy_short();
    case 'gpu_in_use':
      return m.waiting_gpu_in_use_short({ program: reason.program, gpu: shortModel(reason.gpu) });
    case 'gpu_kept':
      return m.waiting_gpu_kept_short({ gpu: shortModel(reason.gpu) });
    case 'cooling_down':
      return m.waiting_cooling_down_short();
    case 'unprofitable':
      return m.waiting_unprofitable_short();
    case 'probe_broken':
      return m.waiting_probe_broken_short({ probe: reason.probe });
    case 'rules_broken':
      return m.waiting_rules_broken_short();
  }
}

/** Whether the owner has to do something; the rest passes by itself. */
function isFault(reason: WaitReason): boolean {
  switch (reason.kind) {
    case 'owner_active':
    case 'offline':
    case 'backing_off':
    case 'remote':
    case 'program':
    case 'fullscreen':
    case 'on_battery':
    case 'metered':
    case 'hot':
    case 'busy':
    case 'gpu_in_use':
    case 'gpu_kept':
    case 'cooling_down':
    case 'unprofitable':
      return false;
    case 'schedule':
      return reason.opensMs === undefined;
    case 'refused':
      return reason.code !== 'unavailable';
    case 'no_idle_probe':
    case 'no_engine':
    case 'engine_unusable':
    case 'disk_full':
    case 'probe_broken':
    case 'rules_broken':
      return true;
  }
}

function paused(untilMs: number | undefined, sinceMs: number, nowMs: number): string {
  if (untilMs === undefined) return m.headline_paused_for_good({ since: coarse(nowMs - sinceMs) });
  return untilMs > nowMs ? m.headline_paused_until({ left: countdown(untilMs - nowMs), at: timeOfDay(untilMs) }) : m.headline_paused_soon();
}

function calm(title: string, detail: string): Headline {
  return { title, detail, also: [], fault: false, out: null };
}
