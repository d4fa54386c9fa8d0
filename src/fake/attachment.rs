//! Some events are large: they carry a scan. Which ones they are, and how large.

use super::json::JsonObject;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// The smallest attachment has 64 KiB, the largest nearly 4 MiB; each doubling is equally likely.
const DOUBLINGS: std::ops::Range<u32> = 16..22;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Spreads attachments evenly over the events of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attachments {
    wanted: u64,
    events: u64,
    passed: u64,
    attached: u64,
}

impl Attachments {
    /// Lets so many of so many events have one.
    pub(super) fn new(wanted: u64, events: u64) -> Self {
        Self { wanted: wanted.min(events), events, ..Self::default() }
    }

    /// Whether the next event has one.
    pub(super) fn is_next(&mut self) -> bool {
        if self.attached == self.wanted {
            return false;
        }
        self.passed += 1;
        let due = u128::from(self.passed) * u128::from(self.wanted) / u128::from(self.events);
        let is_next = due > u128::from(self.attached);
        self.attached += u64::from(is_next);
        is_next
    }
}

/// An object that is not empty, and in it a scan: text that nothing compresses to less than three
/// quarters.
pub(super) fn with_attachment(contents: &str, random: &mut StdRng) -> String {
    let least = 1_usize << random.random_range(DOUBLINGS);
    let mut scan = vec![0; least + random.random_range(0..least)];
    random.fill_bytes(&mut scan);
    let scan: String = scan.iter().map(|byte| char::from(BASE64[usize::from(byte % 64)])).collect();
    let attachment = JsonObject::with_capacity(scan.len() + 80)
        .text("mediaType", "image/jpeg")
        .text("encoding", "base64")
        .text("contents", &scan);
    let open = contents.strip_suffix('}').unwrap_or(contents);
    format!("{open},\"attachment\":{}}}", attachment.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exactly_so_many_events_have_one_and_they_are_spread(wanted in 0..200_u64, more in 0..5_000_u64) {
            let events = wanted + more;
            let mut attachments = Attachments::new(wanted, events);
            let places: Vec<u64> = (0..events).filter(|_| attachments.is_next()).collect();
            prop_assert_eq!(places.len() as u64, wanted);
            for pair in places.windows(2) {
                prop_assert!((pair[1] - pair[0]).abs_diff(events / wanted) <= 1);
            }
        }
    }
}
