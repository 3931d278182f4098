// Every text of the window, in one place, so that it can be translated as a whole. Plain, short, kind.

import type { Reason } from '$lib/bindings/Reason';
import type { RefusedCode } from '$lib/bindings/RefusedCode';
import type { Stage } from '$lib/bindings/Stage';

const shell = {
  name: 'Headframe',
  skip: 'Skip to the page',
  navigation: 'Pages',
  rig: 'Rig',
  jobs: 'Jobs',
  scene: 'Scene',
  dismiss: 'Dismiss',
  copy: 'Copy',
  copied: 'Copied',
  copyFailed: 'Could not copy',
  copyReport: 'Copy a report',
  notices: 'Notices',
  notFound: { title: 'There is no such page', help: 'The window has two pages: Rig and Jobs.' },
  version: (version: string) => `Version ${version}`,
};

const actions = {
  start: 'Start',
  starting: 'Starting…',
  pause: 'Pause',
  resume: 'Resume',
  startAgent: 'Start it again',
  tryAgain: 'Try again',
  more: 'More ways to stop',
  snooze: 'Snooze for 1 h',
  snoozeHint: 'Stops now and starts again by itself',
  finish: 'Finish, then stop',
  finishHint: 'Lets the job end and takes no other',
  pauseNow: 'Pause now',
  pauseNowHint: 'Gives the PC back within seconds',
};

const headline = {
  looking: { title: 'Looking for the agent', detail: 'It works in the background and tells this window what the rig is doing.' },
  gone: {
    lastSeen: (at: string) => `As last seen at ${at}`,
    lastSeenDetail: 'What is below is what the agent said then.',
    neverSeen: { title: 'Nothing to show yet', detail: 'Your rig appears here as soon as its agent answers.' },
  },
  off: { title: 'Not started yet', detail: 'Press Start, and this PC works for others whenever you are away from it. You can stop at any time.' },
  checking: { title: 'Looking at this PC', detail: 'Finding the container engine and the hardware. This takes a few seconds.' },
  benchmarking: {
    title: 'Finding out what this PC can do',
    looking: 'Looking at its graphics cards.',
    detail: (what: string, percent: number, left: string) => `${what}: ${percent} % done, ${left} left. It stops the moment you come back.`,
  },
  ready: { title: 'Ready for work', detail: (since: string) => `Nothing stands in the way. Waiting for a job for ${since}.` },
  preparing: { title: 'Preparing a job', detail: 'Fetching what it needs. It earns from the moment it runs.' },
  working: {
    title: (count: number) => (count === 1 ? 'Working on a job' : `Working on ${count} jobs`),
    detail: (since: string) => `For ${since} now. Take your PC back whenever you like: it is yours within seconds.`,
  },
  yielding: { title: 'Giving your PC back', detail: 'The job is being stopped. This takes a few seconds.' },
  uploading: { title: 'Bringing the results away', detail: 'The job is done. It counts once the results have arrived.' },
  draining: { title: 'Finishing, then stopping', detail: 'What runs may end; nothing new is taken.' },
  paused: {
    title: 'Paused',
    forGood: (since: string) => `For ${since} now. No work is taken until you press Resume.`,
    until: (left: string, at: string) => `Starts again by itself in ${left}, at ${at}.`,
    soon: 'Starts again at any moment.',
  },
  also: 'Also in the way:',
};

const waiting = {
  ownerActive: {
    title: 'Waiting for you to leave',
    detail: (ago: string, left: string) =>
      `You used the mouse or the keyboard ${ago} ago. Starts in ${left} if you don’t touch them.`,
    soon: 'You have been away long enough. Starts at any moment.',
    short: 'you are using the PC',
  },
  noIdleProbe: {
    title: 'Waiting, because nothing can tell whether you are away',
    detail: 'So you are taken to be here. What was tried is listed under “What this rig relies on”.',
    short: 'nothing can tell whether you are away',
  },
  noEngine: {
    title: 'Waiting for a container engine',
    detail: 'Jobs run in containers, apart from your files. Install Docker or Podman, or start the one you have.',
    short: 'no container engine was found',
  },
  engineUnusable: { title: 'Waiting: the container engine cannot be used', short: 'the container engine cannot be used' },
  offline: {
    title: 'Waiting for the network',
    detail: 'The coordinator cannot be reached.',
    again: (left: string) => `The coordinator cannot be reached. Tries again in ${left}.`,
    dialling: 'The coordinator cannot be reached. Trying again now.',
    short: 'the coordinator cannot be reached',
  },
  backingOff: {
    title: 'Taking a short break',
    detail: (left: string) => `A job went wrong here. The next one is taken in ${left}.`,
    soon: 'A job went wrong here. The next one is taken at any moment.',
    short: 'a job went wrong a moment ago',
  },
  diskFull: {
    title: 'Waiting for disk space',
    detail: 'The disk that jobs work on is nearly full. Make some room on it.',
    short: 'the disk is nearly full',
  },
  schedule: {
    title: 'Waiting for an hour of work',
    opens: (left: string, at: string) => `Your rules keep this hour free. The next one for work begins in ${left}, at ${at}.`,
    soon: 'Your rules keep this hour free. The next one for work begins at any moment.',
    never: 'Your rules keep every hour of the week free.',
    short: 'your rules keep this hour free',
  },
  remote: {
    title: 'Waiting until nobody uses the PC from afar',
    detail: 'Somebody is connected by remote desktop.',
    short: 'somebody uses the PC from afar',
  },
  program: {
    title: (name: string) => `Waiting for ${name} to end`,
    detail: 'Your rules never disturb it.',
    short: (name: string) => `${name} runs`,
  },
  fullscreen: {
    title: 'Waiting until no window fills the screen',
    detail: 'A game or a film is not disturbed.',
    short: 'a window fills the screen',
  },
  onBattery: {
    title: 'Waiting for mains power',
    detail: 'The PC runs on a battery.',
    short: 'the PC runs on a battery',
  },
  metered: {
    title: 'Waiting for another connection',
    detail: 'The one in use is metered, and jobs need a lot of data.',
    short: 'the connection is metered',
  },
  hot: {
    cpu: {
      title: 'Cooling down',
      detail: (celsius: number, resumesAt: number) => `The processor was ${celsius} °C hot. Goes on at ${resumesAt} °C.`,
      short: 'the processor is too hot',
    },
    gpu: {
      title: 'Cooling down',
      detail: (celsius: number, resumesAt: number) => `A graphics card was ${celsius} °C hot. Goes on at ${resumesAt} °C.`,
      short: 'a graphics card is too hot',
    },
  },
  busy: {
    title: 'Waiting for your own programs',
    detail: (percent: number, atMost: number) => `They used ${percent} % of the processor, more than the ${atMost} % of your rules.`,
    short: 'your own programs need the processor',
  },
  gpuInUse: {
    title: (program: string) => `Waiting for ${program}`,
    detail: (program: string, gpu: string) => `${program} uses the ${gpu}. Jobs on other cards go on.`,
    short: (program: string, gpu: string) => `${program} uses the ${gpu}`,
  },
  gpuKept: {
    title: 'Waiting, because your rules keep the card',
    detail: (gpu: string) => `Your rules keep the ${gpu} to yourself, and no other card is left.`,
    short: (gpu: string) => `your rules keep the ${gpu} to yourself`,
  },
  coolingDown: {
    title: 'Waiting a little, in case you are not done',
    detail: (left: string) => `What stopped the work is over. Goes on in ${left}.`,
    soon: 'What stopped the work is over. Goes on at any moment.',
    short: 'what stopped the work is over since a moment',
  },
  unprofitable: {
    title: 'Waiting for cheaper power',
    detail: (power: string, floor: string) => `An hour’s power costs ${power} now, and no job may pay the ${floor} that your rules want.`,
    short: 'power is too dear for any job',
  },
  probeBroken: {
    title: (probe: string) => `Waiting, because something cannot be measured: ${probe}`,
    detail: (message: string) => `So your side is taken. What it says: ${message}.`,
    short: (probe: string) => `something cannot be measured: ${probe}`,
  },
  rulesBroken: {
    title: 'Waiting, because your rules cannot be understood',
    short: 'your rules cannot be understood',
  },
};

const refused: Record<RefusedCode, { title: string; fix: string }> = {
  too_old: { title: 'Headframe must be updated', fix: 'Install the current version, then start again.' },
  bad_handshake: { title: 'The network does not recognise this rig', fix: 'Check that the clock of this PC is right and the coordinator’s address is the one you were given.' },
  superseded: { title: 'This rig is working from another place', fix: 'Another agent uses the same device key. Stop that one, then start this one again.' },
  quarantined: { title: 'The operator has taken this rig out of work', fix: 'Ask the operator of the network for the reason.' },
  bad_message: { title: 'The network did not understand this rig', fix: 'Install the current version. If that changes nothing, tell the operator.' },
  unavailable: { title: 'The network is taking a break', fix: 'It comes back by itself.' },
};

const rig = {
  hall: (parts: string, state: string) => `Your rig: ${parts}, ${state}`,
  cards: (count: number) => (count === 1 ? 'one graphics card' : `${count} graphics cards`),
  board: 'a board with a processor and no graphics card',
  earning: 'earning now',
  resting: 'not earning',
  freeSlot: 'free slot',
  noCard: 'no graphics card',
  processor: 'Processor',
  coresLabel: 'Cores',
  core: 'Core',
  fan: 'Fan',
  power: 'Power',
  load: 'Load',
  memory: 'Memory',
  vram: 'VRAM',
  notMeasured: 'Not measured',
  fu: (score: number) => `${score.toLocaleString('en')} FU`,
  fuMeaning: 'Frame Units: the verified compute score. An RTX 4090 has 1,000.',
  unverified: 'not verified yet',
  measured: (score: number) => `${score.toLocaleString('en')} FU, not verified yet`,
  now: 'Now on this rig',
  nothing: 'No job at the moment.',
  unknown: 'Nobody can say while the agent is gone.',
  ran: 'Ran for',
  rate: 'Earns',
  soFar: 'So far',
  openLog: 'Log',
  openLogOf: (title: string) => `Log of ${title}`,
  today: 'Jobs today',
  afterFee: 'After the platform’s fee. Your power is not taken off yet.',
  pending: (amount: string) => `+ ${amount} not settled yet`,
  settledJobs: (count: number) => (count === 1 ? '1 job done' : `${count} jobs done`),
  noneToday: 'Nothing earned yet today.',
  cardWaits: (reasons: string) => `Takes no work: ${reasons}.`,
  relies: 'What this rig relies on',
  link: 'Network',
  engine: 'Container engine',
  probes: 'You and your PC',
  tried: 'What was tried',
  noEngine: 'None found',
  noProbes: 'No way to tell was found.',
  missing: 'missing',
  absentProbes: (count: number) => `${count} more ${count === 1 ? 'is' : 'are'} not on this PC`,
  engineFix: 'Install Docker (on Debian and Ubuntu: apt install docker.io) or Podman. If you have one, start it and allow your user to use it.',
};

const link = {
  connected: (network: string) => `Connected to ${network}`,
  connecting: 'Connecting…',
  waiting: (left: string) => `No connection. Tries again in ${left}.`,
  refused: 'The network refused this rig.',
  gone: 'No word from the agent',
};

const stages: Record<Stage, string> = {
  preparing: 'Preparing',
  running: 'Running',
  yielding: 'Giving the PC back',
  uploading: 'Bringing results away',
  succeeded: 'Done',
  failed: 'Failed',
  yielded: 'Gave the PC back',
  lost: 'Came too late',
  cancelled: 'Cancelled',
};

const reasons: Record<Reason, string> = {
  exit_code: 'The program ended with an error.',
  out_of_memory: 'The job used more memory than it had asked for.',
  timed_out: 'The job ran longer than its time limit.',
  image_missing: 'The registry does not have the image.',
  image_refused: 'The image has settings that are not allowed.',
  image_revoked: 'The operator revoked the image.',
  pull_failed: 'The image could not be fetched.',
  fetch_failed: 'The coordinator could not be reached for an input.',
  input_unavailable: 'An input could not be fetched.',
  input_mismatch: 'An input is not the one the job names.',
  output_missing: 'A promised result was not there.',
  output_refused: 'The results are more or larger than allowed.',
  upload_failed: 'The results could not be brought away.',
  output_mismatch: 'What arrived is not what was sent.',
  rig_disk_full: 'The disk of this rig was full.',
  engine_failed: 'The container engine failed.',
  agent_restarted: 'The agent was restarted and the container was gone.',
  owner_returned: 'You came back, so the job stopped.',
  rig_paused: 'You paused the rig.',
  lease_lapsed: 'The coordinator could not be reached for too long.',
  no_answer: 'The rig did not answer the offer in time.',
  declined: 'This rig cannot do the job.',
  egress_forbidden: 'Your rules do not let jobs reach the internet, or not with so many bytes.',
  cancelled_by_customer: 'The customer cancelled the job.',
  killed_by_operator: 'The operator ended the job.',
  account_suspended: 'The customer’s account is suspended.',
  network_stopped: 'The operator stopped the network.',
  too_many_failures: 'The job failed too often.',
  too_many_interruptions: 'The job was interrupted too often.',
  no_rig: 'No rig took the job in time.',
  not_runnable: 'The job cannot run anywhere: the fault is in the job.',
  result_mismatch: 'Other rigs that did the same work agree on another result. What was waiting of your earnings is lost; ask the network if you think this is wrong.',
};

const jobs = {
  title: 'Jobs',
  intro: 'Everything this rig has worked on, newest first.',
  list: 'Jobs, newest first',
  columns: { job: 'Job', outcome: 'Outcome', started: 'Started', ran: 'Ran for', earned: 'Earned' },
  none: {
    title: 'No jobs yet',
    help: 'The first one appears here as soon as this rig takes it.',
    notStarted: 'Press Start, and this rig takes its first one when you are away.',
    paused: 'Press Resume, and this rig takes its first one when you are away.',
  },
  older: 'Show older',
  loading: 'Loading…',
  shown: (count: number) => (count === 1 ? '1 job shown' : `${count.toLocaleString('en')} jobs shown`),
  computed: 'not settled yet',
  computedMeaning: 'Computed from the running time; the coordinator has not confirmed it yet.',
  confirmedMeaning: 'Confirmed by the coordinator. After the platform’s fee, before your power.',
  back: 'All jobs',
  missing: { title: 'This job is not on this rig', help: 'It may be older than what the agent keeps.' },
  image: 'Image',
  attempt: 'Attempt',
  job: 'Job',
  ended: 'Ended',
  retry: 'Try again',
  yesterday: 'Yesterday',
  progress: (percent: string) => `${percent} % done`,
  ofAtMost: (ran: string, limit: string) => `${ran} of at most ${limit}`,
  lastHeard: (stage: string) => `${stage}, when last heard of`,
  unknown: 'The jobs of this rig are in the agent’s memory. They appear here as soon as it answers.',
};

const log = {
  title: 'Log',
  empty: 'The job has printed nothing.',
  emptyYet: 'The job has printed nothing yet.',
  live: 'live',
  interrupted: 'interrupted',
  complete: 'complete',
  jump: 'Jump to the newest line',
  copy: 'Copy the log',
  copied: 'Copied',
  cut: (size: string) => `The first ${size} are not shown.`,
};

const yields = {
  title: 'How fast you get your PC back',
  loading: 'Looking it up…',
  retry: 'Try again',
  none: 'Nothing has run while you came back yet. Each time is measured and listed here.',
  within: (count: number, half: string, all: string) =>
    count === 1
      ? 'It happened once: from your touch until the job was gone.'
      : `95 of 100 times were this or faster; half within ${half}, all within ${all}. ${count.toLocaleString('en')} times so far.`,
  bars: (count: number) => `How long the last ${count} took`,
  bar: (from: number, to: number | null, count: number) => `${to === null ? `${from} s or more` : `${from} to ${to} s`}: ${count}`,
  edge: (from: number, to: number | null) => (to === null ? `${from} s +` : `< ${to} s`),
  killed: 'ended by force',
  missing: 'memory not seen free',
  causes: {
    input: 'You touched the PC',
    unseen: 'Nobody could tell whether you were away',
    remote: 'Somebody came from afar',
    game: 'A game or film',
    power: 'The power failed',
    heat: 'Too hot',
    load: 'Your own programs',
    network: 'A metered connection',
    rules: 'Your rules',
    paused: 'You paused the rig',
    quit: 'The agent ended',
  },
};

const errors = {
  agentGone: { title: 'The agent has stopped answering', help: 'Without it this PC takes no work. Nothing that was earned is lost.' },
  agentNotStarted: { title: 'The agent could not be started' },
  agentSilent: { title: 'The agent does not answer', help: 'It runs and has said nothing for a while. If this stays so, end headframe-agent; then it can be started again from here.' },
  versionMismatch: { title: 'The window and the agent are of different versions', help: 'An update is half done. Close this window, quit Headframe from the tray, and start it again.' },
  notFound: { title: 'That is no longer there', help: 'The agent keeps the logs of recent jobs only.' },
  unexpected: { title: 'Something unexpected happened', help: 'No details were given.' },
};

/** The texts in English, grouped by where they are read. */
export const t = { shell, actions, headline, waiting, refused, rig, link, stages, reasons, jobs, log, yields, errors };
