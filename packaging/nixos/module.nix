# services.mptcpize: mptcpize, its rules, the units that use MPTCP, and metrics.
#
#   imports = [ ./mptcpize/packaging/nixos/module.nix ];
#   services.mptcpize = {
#     enable = true;
#     tarball = ./mptcpize-0.1.0-x86_64.tar.gz;
#     policy = "tcp any loopback *";
#     units.nginx = { };
#     units."machine.slice".mode = "bpf";
#     metrics.http = true;
#   };
{ config, lib, pkgs, utils, ... }:

let
  cfg = config.services.mptcpize;
  inherit (lib) mkEnableOption mkIf mkOption types;

  isSlice = name: lib.hasSuffix ".slice" name;
  suffixes = [ ".service" ".socket" ".slice" ];
  fullName = name:
    if builtins.any (suffix: lib.hasSuffix suffix name) suffixes then name else "${name}.service";

  mptcpize = arguments:
    utils.escapeSystemdExecArgs ([ "${cfg.package}/bin/mptcpize" ] ++ arguments);

  # /etc/systemd/system is the configuration's own, so drop-ins lie in /run.
  enable = name: unit: mptcpize (
    [ "enable" "--runtime" "--mode" unit.mode ]
    ++ builtins.concatMap (rule: [ "--rule" rule ]) unit.rules
    ++ lib.optional unit.keepTCP "--keep-tcp"
    ++ [ (fullName name) ]);
  names = builtins.attrNames cfg.units;

  unitOptions = {
    options = {
      mode = mkOption {
        type = types.enum [ "preload" "bpf" ];
        default = "preload";
        description = "What makes its sockets MPTCP; slices need bpf, and bpf needs Linux 6.6.";
      };
      rules = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "tcp connect private *" ];
        description = "Rules for what stays TCP, before those of {option}`policy`.";
      };
      keepTCP = mkOption {
        type = types.bool;
        default = false;
        description = "Whether everything stays TCP, also what the program makes MPTCP itself.";
      };
    };
  };
in
{
  options.services.mptcpize = {
    enable = mkEnableOption "mptcpize, which lets existing programs use Multipath TCP";

    tarball = mkOption {
      type = types.path;
      description = "What `make tarball` wrote.";
    };

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ./package.nix { inherit (cfg) tarball; };
      defaultText = "the package of {option}`tarball`";
      description = "The package to use.";
    };

    policy = mkOption {
      type = types.lines;
      default = "";
      example = "tcp any loopback *";
      description = "Rules for what stays TCP: policy.conf(5).";
    };

    units = mkOption {
      type = types.attrsOf (types.submodule unitOptions);
      default = { };
      example = { nginx = { }; "machine.slice".mode = "bpf"; };
      description = ''
        Services, sockets and slices that use MPTCP. What runs when this is changed does so once it
        is restarted.
      '';
    };

    metrics = {
      http = mkEnableOption "metrics over HTTP, on 127.0.0.1:10262";
      file = mkEnableOption "metrics in a file, for node_exporter's textfile collector";
      directory = mkOption {
        type = types.str;
        default = "/var/lib/prometheus-node-exporter";
        description = "Where that file is to be; nothing makes this folder.";
      };
    };
  };

  config = mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    environment.etc = {
      "containers/oci/hooks.d/50-mptcpize.json".source =
        "${cfg.package}/share/containers/oci/hooks.d/50-mptcpize.json";
    } // lib.optionalAttrs (cfg.policy != "") { "mptcpize/policy.conf".text = cfg.policy; };

    systemd.packages = [ cfg.package ];
    systemd.sockets.mptcpize-metrics = mkIf cfg.metrics.http { wantedBy = [ "sockets.target" ]; };
    systemd.timers.mptcpize-metrics = mkIf cfg.metrics.file { wantedBy = [ "timers.target" ]; };
    systemd.services.mptcpize-metrics = mkIf cfg.metrics.file {
      environment.MPTCPIZE_METRICS_DIRECTORY = cfg.metrics.directory;
    };

    systemd.services.mptcpize-units = mkIf (cfg.units != { }) {
      description = "Units that use Multipath TCP";
      documentation = [ "man:mptcpize-enable(8)" ];
      wantedBy = [ "multi-user.target" ];
      # Before the units start, sockets included, which do so before what other services wait for.
      # Not before slices: this is in one.
      unitConfig.DefaultDependencies = false;
      after = [ "sysinit.target" ];
      before = [ "shutdown.target" ]
        ++ map fullName (builtins.filter (name: !isSlice name) names);
      conflicts = [ "shutdown.target" ];
      path = [ pkgs.nftables ];
      # Rules are kept with each unit.
      restartTriggers = [ cfg.policy ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = lib.mapAttrsToList enable cfg.units;
        ExecStop = mptcpize ([ "disable" ] ++ map fullName names);
      };
    };
  };
}
