# Of the tarball that `make tarball` writes into build/, for pkgs.callPackage:
#   pkgs.callPackage ./package.nix { tarball = ./mptcpize-0.1.0-x86_64.tar.gz; }
{ lib, stdenvNoCC, tarball }:

stdenvNoCC.mkDerivation {
  pname = "mptcpize";
  version = "0.1.0";
  src = tarball;

  # The program is static, and the library is loaded beside any C library: nothing is to be patched.
  dontConfigure = true;
  dontBuild = true;
  dontPatchELF = true;

  installPhase = ''
    runHook preInstall
    mkdir -p "$out/lib/systemd"
    cp -r bin share "$out"
    [ ! -d libexec ] || cp -r libexec "$out"
    # glibc's $LIB is lib for both word sizes here, so that it names neither.
    cp -r lib/*-linux-gnu "$out/lib"
    cp -r lib/systemd/system "$out/lib/systemd"
    # What is enabled goes with the configuration that enabled it.
    rm -r "$out/share/mptcpize"
    sed -i "s|/usr/local/bin/|$out/bin/|" "$out"/lib/systemd/system/* \
      "$out"/share/containers/oci/hooks.d/*
    runHook postInstall
  '';

  meta = {
    description = "Let existing programs use Multipath TCP without changing them";
    homepage = "https://www.mptcp.dev";
    license = with lib.licenses; [ bsd3 asl20 lgpl21Plus lgpl3Plus bsd2 zlib ];
    platforms = [ "x86_64-linux" "aarch64-linux" ];
    mainProgram = "mptcpize";
  };
}
