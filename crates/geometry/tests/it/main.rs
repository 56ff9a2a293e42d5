//! The crate against values of its own making and, as a foreign judge, against PostGIS.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod agreement; // with PostGIS, value by value
mod facts; // centroids, orientations and repetitions, as PostGIS tells them
mod fuzzed; // the properties that are fuzzed, of the corpus
mod malformed; // what is refused, where, and in which words
mod properties; // of generated values and of arbitrary bytes
mod shape; // a plain value with an encoder that shares nothing with the crate
mod validity; // the verdict of PostGIS
