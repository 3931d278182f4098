//! What a job can and cannot do, and what becomes of it when things go wrong.

mod adoption;
mod attacks;
mod away;
mod checkpoint;
mod doctor;
mod journey;
mod limits;
mod sandbox;
mod troubles;
