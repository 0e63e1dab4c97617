//! Who is in which room.

use std::collections::HashMap;

/// Index of a connection in its thread's table.
pub(super) type ConnId = u32;

/// Index of a room; small, so that a connection can keep it instead of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoomId(u32);

/// All rooms of a thread. A room that has become empty keeps its name and its place.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    by_name: HashMap<Box<str>, RoomId>,
    members: Vec<Vec<ConnId>>,
}

impl Rooms {
    pub(super) fn join(&mut self, account: &str, conn: ConnId) -> RoomId {
        let room = match self.by_name.get(account) {
            Some(room) => *room,
            None => {
                let room = RoomId(u32::try_from(self.members.len()).expect("fewer rooms than memory has room for"));
                self.by_name.insert(account.into(), room);
                self.members.push(Vec::new());
                room
            }
        };
        self.members[room.0 as usize].push(conn);
        room
    }

    pub(super) fn leave(&mut self, room: RoomId, conn: ConnId) {
        let members = &mut self.members[room.0 as usize];
        if let Some(place) = members.iter().position(|member| *member == conn) {
            members.swap_remove(place);
        }
    }

    pub(super) fn members(&self, room: RoomId) -> &[ConnId] {
        &self.members[room.0 as usize]
    }
}
