//! `peerstream_wire`: what comes out of a WebSocket or a data channel.

use bytes::Bytes;
use peerstream_fragment::Header;
use peerstream_wire::{Envelope, LinkMessage, ToBox, ToNode};

use crate::Target;

pub(crate) const ENVELOPE: Target = Target {
    name: "wire_envelope",
    run: envelope,
    vectors: &[
        "wire/envelope_control",
        "wire/envelope_link",
        "wire/link_certificate",
        "wire/link_header",
        "wire/link_heartbeat_newest",
        "wire/link_part",
        "wire/link_ping",
        "wire/link_request",
        "wire/link_subscribe_after",
        "wire/to_box_clock",
        "wire/to_box_join",
        "wire/to_box_leave",
        "wire/to_box_link_failed",
        "wire/to_box_signal_answer",
        "wire/to_box_signal_candidates",
        "wire/to_box_signal_offer",
        "wire/to_node_assign_inner",
        "wire/to_node_assign_top",
        "wire/to_node_clock",
        "wire/to_node_refused_malformed",
        "wire/to_node_signal",
        "wire/to_node_welcome",
        "wire/link_goodbye",
        "wire/link_share",
        "wire/link_padding",
        "wire/link_relay",
        "wire/link_relayed",
        "wire/to_box_alive",
        "wire/to_box_capacity",
        "wire/to_box_join_held",
        "wire/to_box_report_late",
        "wire/to_node_change",
        "wire/to_node_notice_queued",
        "wire/to_node_probe",
    ],
};

/// What is read can be written and read again, as an envelope and, without one, as what
/// goes into it. (So the vectors of both kinds are inputs as they are.)
fn envelope(input: &[u8]) {
    let input = Bytes::copy_from_slice(input);
    match Envelope::decode(input.clone()) {
        Ok(Envelope::Control(body)) => control(&body),
        Ok(Envelope::Link(message)) => {
            assert_eq!(Envelope::Link(message.clone()).encode(), input);
            contents(&message);
        }
        Err(_) => {}
    }
    control(&input);
    if let Ok(message) = LinkMessage::decode(input.clone()) {
        assert_eq!(message.encode(), input);
        contents(&message);
    }
}

fn control(body: &[u8]) {
    if let Ok(message) = ToBox::decode(body) {
        assert_eq!(ToBox::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = ToNode::decode(body) {
        if let ToNode::Assign(assignment) = &message {
            assert!(assignment.peers().is_sorted_by(|a, b| a < b));
        }
        assert_eq!(ToNode::decode(&message.encode()), Ok(message));
    }
}

fn contents(message: &LinkMessage) {
    if let LinkMessage::Header(bytes) = message {
        let _ = Header::decode_unverified(bytes);
    }
}
