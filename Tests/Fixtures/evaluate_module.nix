# What packaging/nixos/module.nix makes of settings, as far as that needs no nixpkgs: the options that
# it declares with their defaults, and what it sets where it is enabled.
#   nix-instantiate --eval --strict --json evaluate_module.nix --arg module FILE --arg settings '{ … }'
{ module, settings }:
let
  isOption = value: value._type or "" == "option";
  hasSuffix = suffix: text:
    let length = builtins.stringLength text; own = builtins.stringLength suffix;
    in own <= length && builtins.substring (length - own) own text == suffix;
  # A type is how it takes a value over: submodules add defaults.
  plain = { take = value: value; };
  lib = {
    inherit hasSuffix;
    licenses = builtins.listToAttrs (map (name: { inherit name; value = name; })
      [ "bsd3" "asl20" "lgpl21Plus" "lgpl3Plus" "bsd2" "zlib" ]);
    mkOption = option: option // { _type = "option"; };
    mkEnableOption = what: { _type = "option"; type = plain; default = false; description = what; };
    mkIf = condition: value: if condition then value else null;
    optional = condition: value: if condition then [ value ] else [ ];
    optionalAttrs = condition: value: if condition then value else { };
    mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
    types = {
      path = plain; package = plain; lines = plain; str = plain; bool = plain;
      enum = values: {
        take = value: if builtins.elem value values then value else throw "none of the values";
      };
      listOf = inner: { take = map inner.take; };
      attrsOf = inner: { take = builtins.mapAttrs (_: inner.take); };
      submodule = part: { take = complete part.options; };
    };
  };
  complete = options: given:
    let unknown = builtins.attrNames (builtins.removeAttrs given (builtins.attrNames options));
    in if unknown != [ ] then throw "no such option: ${builtins.concatStringsSep " " unknown}"
    else builtins.mapAttrs (name: option:
      if !isOption option then complete option (given.${name} or { })
      else if given ? ${name} then option.type.take given.${name}
      else option.default or (throw "${name} has no default")) options;
  pkgs = {
    nftables = "/nix/nftables";
    # The folder that it would be installed in, and what it is made with.
    callPackage = file: arguments:
      let made = import file ({
        inherit lib;
        stdenvNoCC.mkDerivation = derivation: derivation;
      } // arguments);
      in made // { outPath = "/nix/mptcpize"; };
  };
  utils.escapeSystemdExecArgs = arguments:
    builtins.concatStringsSep " " (map (argument: ''"${argument}"'') arguments);
  made = import module { inherit lib pkgs utils config; };
  config.services.mptcpize = complete made.options.services.mptcpize settings;
in
made.config // { package = builtins.removeAttrs config.services.mptcpize.package [ "outPath" ]; }
