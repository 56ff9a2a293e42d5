#![doc = include_str!("../README.md")]

pub mod catalog; // the catalog snapshot of a release set
mod connect; // connection settings, TLS, sessions
mod digest; // SHA-256 of plans, files and catalog facts
mod error; // failed statements, readable
mod event; // what happened, typed
mod grants; // privileges, exactly as another object has them
mod ident; // identifiers and their quoting
mod lock; // the release lock
mod naming; // staging and backup names, stamps
mod object; // objects by kind and name
mod phase; // names and order of the phases
mod plan; // plans, steps, locks
pub mod records; // the record store in schema `cutover`
pub mod release_file; // what is released, and how
mod sql; // statements from typed parts

pub use connect::{
    CancelError, CancelHandle, ConnectError, ConnectErrorKind, ConnectSettings, ConnectSettingsError,
    Environment, Origin, PassfileWarning, Password, Session, SslMode, TargetSession, UnsafeSession,
    refuse_unsafe_session,
};
pub use digest::{Digest, Sha256Sum};
pub use error::{DatabaseError, StatementError};
pub use event::{Blocker, Event, EventKind, EventSink, Events, RowsMeasured, Waiter, millis};
pub use grants::{Grants, in_grant_order};
pub use ident::{Ident, IdentError, MAX_IDENT_BYTES, QualifiedName};
pub use lock::{LockHolder, ReleaseLock};
pub use naming::{NamingPolicy, Stamp, StampError};
pub use object::{ObjectKind, ObjectName};
pub use phase::{Phase, UnknownPhase};
pub use plan::{DoneWhen, LockMode, LockTaken, Plan, Step, write_comment};
pub use release_file::{ReleaseFile, ReleaseFileError};
pub use sql::{Deparsed, Sql};
