/// What Linux 6.18 on x86-64 answered, as root, about a client's connection over two paths:
/// 10.0.1.1 to 10.0.1.2:4000, and joined to it 10.0.2.1, a backup endpoint with id 5. The
/// client had sent 3000 bytes and received 2000.
package enum RecordedDumps {
    /// Of protocol 262, IPv4.
    package static let mptcp = hexadecimal(
        """
        e0000000140002000700000076470000  // nlmsghdr: length 224, type 20 SOCK_DIAG_BY_FAMILY, flags 0x2, sequence, port
        02010000  // family, state ESTAB, timer, retrans
        bf260fa0  // ports 48934, 4000
        0a000101000000000000000000000000  // source
        0a000102000000000000000000000000  // destination
        00000000  // device
        0850070000000000  // cookie
        00000000100b00000000000000000000  // expires, rqueue, wqueue, uid
        95213300  // inode
        0500080000  // INET_DIAG_SHUTDOWN
        000000  // padding
        08000f0000000000  // INET_DIAG_MARK
        0c0015000100000000000000  // INET_DIAG_CGROUP_ID
        060016005200  // INET_DIAG_SOCKOPT
        0000  // padding
        64000200  // INET_DIAG_INFO, 96 bytes
        01  // extra subflows
        00  // add_addr signalled
        00  // add_addr accepted
        02  // subflows_max
        00  // add_addr_signal_max
        02  // add_addr_accepted_max
        0000  // hole
        02000000  // flags: REMOTE_KEY_RECEIVED
        911d5d8c  // token
        90342c85a68c7b36  // write_seq
        90342c85a68c7b36  // snd_una
        59e3f1b9d1a27671  // rcv_nxt
        01  // local_addr_used
        01  // local_addr_max
        00  // csum_enabled
        00  // hole
        00000000  // retransmits
        b80b000000000000  // bytes_retrans
        b80b000000000000  // bytes_sent
        d007000000000000  // bytes_received
        b80b000000000000  // bytes_acked
        02  // subflows_total
        00  // endp_laminar_max
        00  // endp_fullmesh_max
        00  // reserved
        d0050000  // last_data_sent, ms
        d0050000  // last_data_recv
        04050000  // last_ack_recv
        14000000030002000700000076470000  // nlmsghdr: length 20, type 3 NLMSG_DONE, flags 0x2, sequence, port
        00000000  // errno
        """)

    /// Of TCP, IPv4: the two subflows.
    package static let tcp = hexadecimal(
        """
        00020000140002000700000076470000  // nlmsghdr: length 512, type 20 SOCK_DIAG_BY_FAMILY, flags 0x2, sequence, port
        02010000  // family, state ESTAB, timer, retrans
        95ab0fa0  // ports 38315, 4000
        0a000201000000000000000000000000  // source
        0a000102000000000000000000000000  // destination
        03000000  // device
        0950070000000000  // cookie
        00000000000000000000000000000000  // expires, rqueue, wqueue, uid
        95213300  // inode
        0500080000  // INET_DIAG_SHUTDOWN
        000000  // padding
        08000f0000000000  // INET_DIAG_MARK
        0c0015000100000000000000  // INET_DIAG_CGROUP_ID
        060016005200  // INET_DIAG_SOCKOPT
        0000  // padding
        1c010200  // INET_DIAG_INFO, 280 bytes
        010000000007aa01  // state, ca_state, retransmits, probes, backoff, options, wscale, flags
        e01c030000000000a80500001802000000000000000000000000000000000000  // rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets
        00000000
        d0050000  // last_data_sent, ms
        00000000  // last_ack_sent
        d0050000  // last_data_recv
        d0050000  // last_ack_recv
        dc05000058fa0000  // pmtu, rcv_ssthresh
        14000000  // rtt, us
        0a000000ffffff7f0a000000a8050000030000000000000090380000  // rttvar, snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space
        00000000  // total_retrans
        73b9537b00000000ffffffffffffffff  // pacing_rate, max_pacing_rate
        0100000000000000  // bytes_acked
        0000000000000000  // bytes_received
        0200000002000000000000001400000000000000000000000000000000000000  // segs_out … sndbuf_limited
        0000000000000000000000000000000000000000000000000100000000000000
        0000000000000000  // delivered, delivered_ce
        0000000000000000  // bytes_sent
        0000000000000000  // bytes_retrans
        0000000000fc000000fc000000000000  // dsack_dups, reord_seen, rcv_ooopack, snd_wnd
        0000000000000000000000000000000000000000000000000000000000000000  // members of newer kernels
        0000000000000000
        68001300  // INET_DIAG_ULP_INFO, nested
        0a0001006d7074637000  // INET_ULP_INFO_NAME: "mptcp"
        0000  // padding
        58000300  // INET_ULP_INFO_MPTCP, nested
        080001007213e58f  // MPTCP_SUBFLOW_ATTR_TOKEN_REM
        08000200911d5d8c  // MPTCP_SUBFLOW_ATTR_TOKEN_LOC
        08000800ec000000  // MPTCP_SUBFLOW_ATTR_FLAGS
        0500090000  // MPTCP_SUBFLOW_ATTR_ID_REM
        000000  // padding
        05000a0005  // MPTCP_SUBFLOW_ATTR_ID_LOC
        000000  // padding
        0800030001000000  // MPTCP_SUBFLOW_ATTR_RELWRITE_SEQ
        0c00040059e3f1b9d1a27671  // MPTCP_SUBFLOW_ATTR_MAP_SEQ
        0800050000000000  // MPTCP_SUBFLOW_ATTR_MAP_SFSEQ
        080006001038f3dd  // MPTCP_SUBFLOW_ATTR_SSN_OFFSET
        060007000000  // MPTCP_SUBFLOW_ATTR_MAP_DATALEN
        0000  // padding
        00020000140002000700000076470000  // nlmsghdr: length 512, type 20 SOCK_DIAG_BY_FAMILY, flags 0x2, sequence, port
        02010000  // family, state ESTAB, timer, retrans
        bf260fa0  // ports 48934, 4000
        0a000101000000000000000000000000  // source
        0a000102000000000000000000000000  // destination
        00000000  // device
        0a50070000000000  // cookie
        00000000000000000000000000000000  // expires, rqueue, wqueue, uid
        95213300  // inode
        0500080000  // INET_DIAG_SHUTDOWN
        000000  // padding
        08000f0000000000  // INET_DIAG_MARK
        0c0015000100000000000000  // INET_DIAG_CGROUP_ID
        060016005200  // INET_DIAG_SOCKOPT
        0000  // padding
        1c010200  // INET_DIAG_INFO, 280 bytes
        010000000007aa00  // state, ca_state, retransmits, probes, backoff, options, wscale, flags
        e01c0300409c0000a80500009005000000000000000000000000000000000000  // rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets
        00000000
        04050000  // last_data_sent, ms
        00000000  // last_ack_sent
        d0050000  // last_data_recv
        04050000  // last_ack_recv
        dc050000a00b0100  // pmtu, rcv_ssthresh
        2c000000  // rtt, us
        15000000ffffff7f10000000a805000003000000e803000090380000  // rttvar, snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space
        00000000  // total_retrans
        73b9537b00000000ffffffffffffffff  // pacing_rate, max_pacing_rate
        7117000000000000  // bytes_acked
        d007000000000000  // bytes_received
        090000000500000000000000060000000200000006000000dd76ff0600000000  // segs_out … sndbuf_limited
        0000000000000000000000000000000000000000000000000700000000000000
        7017000000000000  // delivered, delivered_ce
        0000000000000000  // bytes_sent
        0000000000000000  // bytes_retrans
        0000000000fc000000fc000000000000  // dsack_dups, reord_seen, rcv_ooopack, snd_wnd
        0000000000000000000000000000000000000000000000000000000000000000  // members of newer kernels
        0000000000000000
        68001300  // INET_DIAG_ULP_INFO, nested
        0a0001006d7074637000  // INET_ULP_INFO_NAME: "mptcp"
        0000  // padding
        58000300  // INET_ULP_INFO_MPTCP, nested
        0800010000000000  // MPTCP_SUBFLOW_ATTR_TOKEN_REM
        08000200911d5d8c  // MPTCP_SUBFLOW_ATTR_TOKEN_LOC
        08000800c3000000  // MPTCP_SUBFLOW_ATTR_FLAGS
        0500090000  // MPTCP_SUBFLOW_ATTR_ID_REM
        000000  // padding
        05000a0000  // MPTCP_SUBFLOW_ATTR_ID_LOC
        000000  // padding
        0800030071170000  // MPTCP_SUBFLOW_ATTR_RELWRITE_SEQ
        0c00040089dbf1b9d1a27671  // MPTCP_SUBFLOW_ATTR_MAP_SEQ
        0800050001000000  // MPTCP_SUBFLOW_ATTR_MAP_SFSEQ
        0800060006bef9c1  // MPTCP_SUBFLOW_ATTR_SSN_OFFSET
        06000700d007  // MPTCP_SUBFLOW_ATTR_MAP_DATALEN
        0000  // padding
        14000000030002000700000076470000  // nlmsghdr: length 20, type 3 NLMSG_DONE, flags 0x2, sequence, port
        00000000  // errno
        """)

    /// Bytes of hexadecimal text; "//" and what follows it on a line is left out.
    package static func hexadecimal(_ text: String) -> [UInt8] {
        let digits = text.split(separator: "\n").flatMap { line in
            line.prefix { $0 != "/" }.compactMap(\.hexDigitValue)
        }
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
