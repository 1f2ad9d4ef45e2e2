//! The layers around the innermost segment of a frame.

use serde::{Deserialize, Serialize};

use crate::frame::Layer;

/// The outermost eight layers around a segment, and the outermost four VLAN ids among them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Encap {
    layers: [Option<Layer>; 8],
    vlans: [u16; 4],
    vlan_count: u16,
}

impl Encap {
    /// The layers, outermost first.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + '_ {
        self.layers.iter().map_while(|layer| *layer)
    }

    /// The VLAN ids, outermost first. A priority tag (IEEE 802.1Q: id 0) is kept as 0.
    pub fn vlans(&self) -> &[u16] {
        self.vlans.get(..usize::from(self.vlan_count)).unwrap_or_default()
    }

    /// Adds the next layer inwards.
    pub(super) fn push(&mut self, layer: Layer) {
        if let Some(place) = self.layers.iter_mut().find(|place| place.is_none()) {
            *place = Some(layer);
        }
    }

    /// Adds the next VLAN tag inwards.
    pub(super) fn push_vlan(&mut self, id: u16) {
        self.push(Layer::Vlan);
        if let Some(place) = self.vlans.get_mut(usize::from(self.vlan_count)) {
            *place = id;
            self.vlan_count += 1;
        }
    }
}
