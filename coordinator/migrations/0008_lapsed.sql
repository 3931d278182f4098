-- Time given back of which nothing came: lapsed, and closed once its customer has got back what he paid for it.

CREATE INDEX earning_hold_lapsed ON earning_hold (ended_ms) WHERE state = 'lapsed';

-- A right result speaks for others by what they are worth, not by the time alone.
UPDATE earning_hold SET confirmed = 1
    WHERE state = 'waiting' AND basis = 'result'
      AND earned_ms <= COALESCE((SELECT right_ms FROM rig WHERE rig.device_id = earning_hold.device_id), -1);
ALTER TABLE rig DROP COLUMN right_ms;
