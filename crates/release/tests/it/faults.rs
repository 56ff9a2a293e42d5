//! What may go wrong while live changes: at every message of the protocol, at every stage, on either side. Afterwards
//! live is all old or all new, `status` tells which, and the next command works.

mod crash;
mod gate;
mod messages;
mod sessions;
