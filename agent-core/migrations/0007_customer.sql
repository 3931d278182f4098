-- Whose job it was, by his pseudonym on this rig, so that its owner can refuse him afterwards too. NULL: the coordinator did not say.

ALTER TABLE attempt ADD COLUMN customer TEXT;
