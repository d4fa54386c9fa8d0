//! Bytes that are taken apart, and what is said where they are no value.

/// Bytes that are no value of their type, and why. What they are is not said: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DamagedBytes(pub(super) &'static str);

/// The bytes of a value that always has so many.
pub(super) fn exactly<const N: usize>(field: &[u8]) -> Result<[u8; N], DamagedBytes> {
    field.try_into().map_err(|_| DamagedBytes("its length is not that of its type"))
}

/// Takes so many bytes off the front.
pub(super) fn taken<const N: usize>(field: &mut &[u8]) -> Result<[u8; N], DamagedBytes> {
    let (head, rest) = field.split_first_chunk().ok_or(DamagedBytes("it is cut short"))?;
    *field = rest;
    Ok(*head)
}
