/// What a TCP socket shows about the MPTCP connection that it is a subflow of
/// (INET_ULP_INFO_MPTCP: MPTCP_SUBFLOW_ATTR_* of linux/mptcp.h).
package struct SubflowInfo: Equatable, Sendable {
    /// The connection's token on this host: equals mptcp_info.token.
    package var localToken: UInt32 = 0
    package var remoteToken: UInt32 = 0
    package var flags: Flags = []
    /// RFC 8684 address identifiers; 0 is the first subflow's.
    package var localID: UInt8 = 0
    package var remoteID: UInt8 = 0
    /// Attributes of a newer kernel, by their numbers.
    package var unknownAttributes: [UInt16] = []

    /// MPTCP_SUBFLOW_FLAG_*.
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        /// MP_CAPABLE, MP_JOIN: whether sent (local) and received (remote).
        package static let capableRemote = Flags(rawValue: 1 << 0)
        package static let capableLocal = Flags(rawValue: 1 << 1)
        package static let joinRemote = Flags(rawValue: 1 << 2)
        package static let joinLocal = Flags(rawValue: 1 << 3)
        /// Used only while no other subflow works: by the peer's wish, by ours.
        package static let backupRemote = Flags(rawValue: 1 << 4)
        package static let backupLocal = Flags(rawValue: 1 << 5)
        package static let fullyEstablished = Flags(rawValue: 1 << 6)
        package static let connected = Flags(rawValue: 1 << 7)
        package static let mappingValid = Flags(rawValue: 1 << 8)

        /// Bits of a newer kernel.
        package var unknown: Flags { Flags(rawValue: rawValue & ~0x1FF) }
    }

    private enum Attribute: UInt16 {
        case tokenRemote = 1
        case tokenLocal, relativeWriteSequence, mapSequence, mapSubflowSequence, ssnOffset
        case mapDataLength, flags, idRemote, idLocal, padding
    }

    init(_ attributes: NetlinkAttributes) {
        for (type, value) in attributes {
            switch Attribute(rawValue: type) {
            case .tokenRemote: remoteToken = value.load(at: 0) ?? 0
            case .tokenLocal: localToken = value.load(at: 0) ?? 0
            case .flags: flags = Flags(rawValue: value.load(at: 0) ?? 0)
            case .idRemote: remoteID = value.load(at: 0) ?? 0
            case .idLocal: localID = value.load(at: 0) ?? 0
            case .relativeWriteSequence, .mapSequence, .mapSubflowSequence, .ssnOffset,
                .mapDataLength, .padding:
                break
            case nil: unknownAttributes.append(type)
            }
        }
    }
}
