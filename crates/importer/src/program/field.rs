//! Values of a row, as text.

use std::borrow::Cow;

/// A value of a row, as the text that the column's type reads; `None` of an `Option` is NULL.
///
/// Whatever else PostgreSQL stores is sent as a `String`: a number of any precision, a timestamp in ISO 8601, an array (`{1,2}`), JSON,
/// a geometry as EWKT or hexadecimal EWKB.
///
/// ```
/// use cutover_importer::Field;
///
/// assert_eq!(1.5_f64.text().as_deref(), Some("1.5"));
/// assert_eq!("KEN".text().as_deref(), Some("KEN"));
/// assert_eq!(None::<i64>.text(), None);
/// ```
pub trait Field: Sync {
    /// The text; `None` is NULL.
    fn text(&self) -> Option<Cow<'_, str>>;
}

macro_rules! displayed {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn text(&self) -> Option<Cow<'_, str>> {
                Some(Cow::Owned(self.to_string()))
            }
        }
    )+};
}

// As PostgreSQL reads them: `true`, `-1`, `NaN`, `inf`. Floats are printed so that the same float is read.
displayed!(
    bool, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, char
);

impl Field for str {
    fn text(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self))
    }
}

impl Field for String {
    fn text(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self))
    }
}

impl Field for Cow<'_, str> {
    fn text(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self))
    }
}

impl<T: Field + ?Sized> Field for &T {
    fn text(&self) -> Option<Cow<'_, str>> {
        (**self).text()
    }
}

impl<T: Field> Field for Option<T> {
    fn text(&self) -> Option<Cow<'_, str>> {
        self.as_ref()?.text()
    }
}
