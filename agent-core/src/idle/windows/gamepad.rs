//! Gamepads, which Windows does not count as input.
//!
//! A gamepad that lies still says nothing of an owner who types. So this probe speaks only just after one was used, and is silent
//! otherwise: it can keep an owner here, and never make him away.

use std::time::{Duration, Instant};

use super::super::{IdleProbe, ProbeError, Sign, asked::Pace};

/// How many gamepads XInput knows.
const SLOTS: usize = 4;

/// How often gamepads that were plugged in are looked for: asking for one that is not there is slow.
const FIND_EVERY: Duration = Duration::from_secs(5);

/// How long after the last touch one is spoken of: shorter than any threshold, so that nobody is away by it.
const SPOKEN_OF: Duration = Duration::from_secs(1);

/// How far a stick must move to have been moved, of 32767 from its middle to its edge. Worn ones tremble.
const TREMBLE: i32 = 3_000;

/// How a gamepad is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pad {
    pub(super) buttons: u16,
    /// Both triggers and both sticks, all with the range of a stick.
    pub(super) axes: [i32; 6],
}

impl Pad {
    fn was_moved(self, before: Self) -> bool {
        let far = |(now, before): (&i32, &i32)| now.abs_diff(*before) > TREMBLE.unsigned_abs();
        self.buttons != before.buttons || self.axes.iter().zip(&before.axes).any(far)
    }
}

/// Asks for each gamepad by its number.
pub(super) struct Gamepad<A> {
    /// Absent where Windows has no XInput.
    ask: Option<A>,
    /// Each as it was when it counted last; absent if there is none.
    pads: [Option<Pad>; SLOTS],
    pace: Pace,
    used: Option<Instant>,
}

impl<A: FnMut(u32) -> Option<Pad>> Gamepad<A> {
    pub(super) const fn new(ask: Option<A>) -> Self {
        Self { ask, pads: [None; SLOTS], pace: Pace::new(FIND_EVERY), used: None }
    }
}

impl<A: FnMut(u32) -> Option<Pad> + Send> IdleProbe for Gamepad<A> {
    fn name(&self) -> &'static str {
        "Gamepad"
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        let Some(ask) = &mut self.ask else {
            return Err(ProbeError::Absent("this Windows has no XInput, which tells of gamepads".to_owned()));
        };
        let finds = self.pace.is_due();
        for (slot, known) in (0..).zip(&mut self.pads) {
            if known.is_none() && !finds {
                continue;
            }
            match (ask(slot), &known) {
                (Some(pad), Some(before)) if !pad.was_moved(*before) => {}
                (Some(pad), Some(_)) => {
                    self.used = Some(Instant::now());
                    *known = Some(pad);
                }
                (pad, _) => *known = pad,
            }
        }
        match self.used.map(|used| used.elapsed()).filter(|idle| *idle < SPOKEN_OF) {
            Some(idle) => Ok(Sign::Input(idle)),
            None if self.pads.iter().any(Option::is_some) => Err(ProbeError::Absent("no gamepad is in use".to_owned())),
            None => Err(ProbeError::Absent("there is no gamepad".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    type Hands = Arc<Mutex<[Option<Pad>; SLOTS]>>;

    fn stage() -> (Hands, Gamepad<impl FnMut(u32) -> Option<Pad> + Send>) {
        let hands = Hands::default();
        let seen = Arc::clone(&hands);
        let ask = move |slot: u32| seen.lock().expect("not poisoned")[usize::try_from(slot).expect("small")];
        let mut probe = Gamepad::new(Some(ask));
        probe.pace.every = Duration::ZERO;
        (hands, probe)
    }

    /// What it says once nothing of the past counts.
    fn says<A: FnMut(u32) -> Option<Pad> + Send>(probe: &mut Gamepad<A>) -> String {
        probe.used = None;
        probe.read().map_or_else(|silence| silence.to_string(), |sign| format!("{sign:?}"))
    }

    #[test]
    fn buttons_triggers_and_sticks_are_input_and_a_trembling_stick_is_not() {
        let (hands, mut probe) = stage();
        assert_eq!(says(&mut probe), "there is no gamepad");
        let hold = |pad| hands.lock().expect("not poisoned")[2] = pad;
        hold(Some(Pad { buttons: 1, ..Pad::default() }));
        assert_eq!(says(&mut probe), "no gamepad is in use", "it was only plugged in");
        hold(Some(Pad { buttons: 1, axes: [0, 0, 2_900, -2_900, 0, 0] }));
        assert_eq!(says(&mut probe), "no gamepad is in use", "it trembles");
        for pad in [
            Pad { buttons: 0, ..Pad::default() },
            Pad { buttons: 0, axes: [20_000, 0, 0, 0, 0, 0] },
            Pad { buttons: 0, axes: [20_000, 0, 0, 0, 0, -32_768] },
        ] {
            hold(Some(pad));
            assert!(says(&mut probe).starts_with("Input("), "{pad:?}");
            assert_eq!(says(&mut probe), "no gamepad is in use", "it is held as before");
        }
        hold(None);
        assert_eq!(says(&mut probe), "there is no gamepad", "it was pulled");
    }

    #[test]
    fn a_slow_drift_counts_only_when_it_has_gone_far() {
        let (hands, mut probe) = stage();
        let counted = (0..10).filter(|step| {
            hands.lock().expect("not poisoned")[0] = Some(Pad { buttons: 0, axes: [step * 1_000, 0, 0, 0, 0, 0] });
            says(&mut probe).starts_with("Input(")
        });
        assert_eq!(counted.count(), 2);
    }

    #[test]
    fn empty_places_are_asked_seldom() {
        let (hands, mut probe) = stage();
        probe.pace.every = FIND_EVERY;
        assert_eq!(says(&mut probe), "there is no gamepad");
        hands.lock().expect("not poisoned")[0] = Some(Pad::default());
        assert_eq!(says(&mut probe), "there is no gamepad", "not so soon");
        probe.pace.every = Duration::ZERO;
        assert_eq!(says(&mut probe), "no gamepad is in use");
    }

    #[test]
    fn a_windows_without_xinput_is_told() {
        let mut probe = Gamepad::new(None::<fn(u32) -> Option<Pad>>);
        assert!(matches!(probe.read(), Err(ProbeError::Absent(why)) if why.contains("XInput")));
    }
}
