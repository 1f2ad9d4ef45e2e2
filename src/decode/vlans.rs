//! The VLAN ids of a frame.

/// Up to four VLAN ids, outermost first. A priority tag (IEEE 802.1Q: id 0) is kept as 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Vlans {
    ids: [u16; 4],
    count: u16,
}

impl Vlans {
    /// The ids.
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Adds the id of the next tag inwards; no more than four are kept.
    pub(super) fn push(&mut self, id: u16) {
        if let Some(slot) = self.ids.get_mut(usize::from(self.count)) {
            *slot = id;
            self.count += 1;
        }
    }
}
