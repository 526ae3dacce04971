//! The table of links: numbers and sockets.

use super::link::{Link, LinkId, Stage};
use crate::fault::ListedLinks;
use crate::output::{SocketId, Transport};
use crate::reply::urc::LinkUp;

const LINKS_MAX: usize = 5;

/// All links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    there: [Option<Link>; LINKS_MAX],
    /// The last link of each number that is free: a fault may have it listed.
    gone: [Option<LinkUp>; LINKS_MAX],
}

impl Links {
    pub(crate) fn insert(&mut self, link: Link) {
        let index = link.id.index();
        let is_free = self.there[index].is_none();
        debug_assert!(is_free, "a number has one link at a time");
        self.there[index] = Some(link);
        self.gone[index] = None;
    }

    pub(crate) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let link = self.there.get_mut(id.index())?.take()?;
        self.gone[id.index()] = link.has_been_open().then(|| link.up());
        Some(link)
    }

    pub(crate) fn get(&self, id: LinkId) -> Option<&Link> {
        self.there.get(id.index())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.there.get_mut(id.index())?.as_mut()
    }

    /// The link of that number, where data can go over it.
    pub(crate) fn open(&self, id: LinkId) -> Option<&Link> {
        self.get(id).filter(|link| link.stage == Stage::Open)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.there.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.there.iter_mut().flatten()
    }

    /// The numbers in use.
    pub(crate) fn ids(&self) -> impl Iterator<Item = LinkId> + use<> {
        let used: [bool; LINKS_MAX] = core::array::from_fn(|i| self.there[i].is_some());
        (0_u8..)
            .zip(used)
            .filter(|&(_, used)| used)
            .map(|(id, _)| LinkId(id))
    }

    /// The links that are open, or what a fault makes of them.
    pub(crate) fn listed(&self, lie: Option<ListedLinks>) -> impl Iterator<Item = LinkUp> {
        let numbers = self.there.iter().zip(&self.gone);
        numbers.filter_map(move |(link, gone)| match (lie, link) {
            (None, Some(link)) => link.is_open().then(|| link.up()),
            (Some(ListedLinks::Kept), Some(link)) => link.has_been_open().then(|| link.up()),
            (Some(ListedLinks::Kept), None) => *gone,
            (Some(ListedLinks::Hidden), _) | (None, None) => None,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// How many numbers are in use.
    pub(crate) fn count(&self) -> usize {
        self.iter().count()
    }

    /// The lowest free number below `limit`.
    pub(crate) fn free_id(&self, limit: u8) -> Option<LinkId> {
        (0..limit)
            .map(LinkId)
            .find(|id| self.there.get(id.index()).is_some_and(Option::is_none))
    }

    pub(crate) fn find(&self, socket: SocketId) -> Option<LinkId> {
        self.iter()
            .find(|link| link.socket == socket && link.stage != Stage::Ended)
            .map(|link| link.id)
    }

    /// Links that the server accepted, reported as closed or not.
    pub(crate) fn accepted(&self) -> usize {
        self.iter().filter(|link| link.is_accepted()).count()
    }

    /// SSL links, those included that are being opened.
    pub(crate) fn ssl(&self) -> usize {
        self.iter()
            .filter(|link| link.kind.transport == Transport::Tls)
            .count()
    }

    /// Whether a link over TCP is open: `STATUS:3`.
    pub(crate) fn has_tcp(&self) -> bool {
        self.iter()
            .any(|link| link.stage == Stage::Open && link.kind.transport != Transport::Udp)
    }
}
