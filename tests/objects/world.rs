//! What a store holds while two processes write to it.

/// A write that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flying {
    /// Of this state, in place of that one; `None`: of none.
    State {
        to: u64,
        of: Option<u64>,
        always: bool,
    },
    Part(usize),
    Removal(usize),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The records that the object has.
    pub object: Option<u64>,
    /// Bits of the parts that are there.
    pub parts: u64,
    pub flying: Vec<Flying>,
    pub writers: [usize; 2],
    pub acknowledged: u64,
    /// Rebuilds that may still begin.
    pub rebuilds: u8,
}

impl World {
    /// A write reaches the store; whether its condition held.
    pub fn arrive(&mut self, flying: &Flying) -> bool {
        match *flying {
            Flying::State { to, of, always } => {
                let holds = always || self.object == of;
                if holds {
                    self.object = Some(to);
                }
                holds
            }
            Flying::Part(part) => {
                self.parts |= 1 << part;
                true
            }
            Flying::Removal(part) => {
                self.parts &= !(1 << part);
                true
            }
        }
    }

    /// Why a world must not follow another one.
    pub fn violation(&self, before: &Self, named: &[u64]) -> Option<String> {
        // But for a bug of the test, whose rebuild moves it back.
        if self.object < before.object && self.rebuilds == before.rebuilds {
            return Some(format!("the object goes back from {:?} to {:?}", before.object, self.object));
        }
        if self.object.unwrap_or_default() < self.acknowledged {
            return Some(format!("{} was acknowledged, and the object has {:?}", self.acknowledged, self.object));
        }
        let named = self.object.map_or(0, |to| named[to as usize]);
        (named & !self.parts != 0).then(|| format!("the object of {:?} names a part that is not there", self.object))
    }
}
