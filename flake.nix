# Untried as a whole: it was evaluated with stand-ins for nixpkgs, on a machine where Nix could build nothing.
{
  description = "Rekey, a password-recovery service";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      forEachSystem = f: lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ]
        (system: f nixpkgs.legacyPackages.${system});
    in
    {
      # `nix develop`, then `npm ci && npm test`. The programs that come from npm (Node, Bun, Deno, PostgreSQL, Chromium) run
      # where the usual loader is; NixOS itself needs programs.nix-ld for them.
      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell { packages = [ pkgs.nodejs_24 pkgs.postgresql pkgs.bun pkgs.deno ]; };
      });

      # `NPM_CONFIG_REGISTRY=<your registry's address> nix build --impure .#rekey`
      # No hash is kept here by hand: importNpmLock takes each from package-lock.json. It wants an address for each package
      # too, and our lock file records none on purpose, so the registry is yours to name.
      legacyPackages = forEachSystem (pkgs: {
        rekey =
          let
            registry = builtins.getEnv "NPM_CONFIG_REGISTRY";
            manifest = lib.importJSON ./package.json;
            lock = lib.importJSON ./package-lock.json;

            # The service alone: no development tools, and no Node from npm, since nixpkgs has one.
            isWanted = place: module:
              !(module.dev or false) && !(module.link or false) && !(lib.hasPrefix "tools/" place)
              && builtins.match "node_modules/node-(linux|win)-.*" place == null;
            withAddress = place: module:
              let
                name = module.name or (lib.last (lib.splitString "node_modules/" place));
                file = "${lib.last (lib.splitString "/" name)}-${module.version}.tgz";
              in
              module // lib.optionalAttrs (place != "") { resolved = "${lib.removeSuffix "/" registry}/${name}/-/${file}"; };
            clean = module: builtins.removeAttrs module [ "devDependencies" "workspaces" "allowScripts" ];
          in
          if registry == "" then
            throw "Name your npm registry in NPM_CONFIG_REGISTRY and build with --impure."
          else
            pkgs.buildNpmPackage {
              pname = "rekey";
              inherit (manifest) version;
              src = self;
              nodejs = pkgs.nodejs_24;
              npmDeps = pkgs.importNpmLock {
                npmRoot = ./.;
                package = clean manifest;
                packageLock = lock // {
                  packages = lib.mapAttrs (place: module: withAddress place (clean module)) (lib.filterAttrs isWanted lock.packages);
                };
              };
              npmConfigHook = pkgs.importNpmLock.npmConfigHook;
              nativeBuildInputs = [ pkgs.makeWrapper ];
              dontNpmBuild = true;
              # Not under lib/node_modules: Node runs no TypeScript from below a folder of that name.
              installPhase = ''
                runHook preInstall
                mkdir -p $out/lib/rekey
                node tools/prepareCluster.ts
                cp -r package.json src migrations prepared languages lists node_modules LICENSE $out/lib/rekey/
                makeWrapper ${pkgs.nodejs_24}/bin/node $out/bin/rekey --add-flags $out/lib/rekey/src/main.ts
                runHook postInstall
              '';
            };
      });
    };
}
