// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PracticeDollar} from "../mocks/PracticeDollar.sol";
import {PracticePlainDollar} from "../mocks/PracticePlainDollar.sol";
import {Roles} from "../src/Roles.sol";
import {Deployment} from "./Deployment.sol";
import {TokenFacts} from "./TokenFacts.sol";
import {vm} from "./Vm.sol";

/// @title Puts Headframe on a chain and writes the chain's profile
/// @notice HEADFRAME_PARAMETERS names the file to read, HEADFRAME_PROFILE the file to write; `parameters/` has examples. Run through
/// `bin/deploy`, or `forge script script/Deploy.s.sol --broadcast --rpc-url ... --private-key ...`.
contract Deploy is Deployment {
    uint256 private constant PRACTICE_MONEY = 1_000_000;

    string private _json;

    function run() external {
        _json = vm.readFile(vm.envString("HEADFRAME_PARAMETERS"));
        Parameters memory parameters = _read();
        // A lower bound: nothing of ours happened before this block, so indexers begin here.
        uint256 block_ = block.number;
        vm.startBroadcast();
        if (parameters.practice) parameters.assets = _withPracticeDollar(parameters.assets);
        Deployed memory made = _deploy(parameters, msg.sender);
        vm.stopBroadcast();
        vm.writeFile(vm.envString("HEADFRAME_PROFILE"), _profile(parameters, made, block_));
    }

    // ------------------------------------------------------------------------------------------------------ parameters

    function _read() private view returns (Parameters memory parameters) {
        parameters.full = keccak256(bytes(vm.parseJsonString(_json, ".table"))) == keccak256("full");
        parameters.practice = vm.keyExistsJson(_json, ".practice.mintTo");
        parameters.treasury = vm.parseJsonAddress(_json, ".treasury");
        parameters.governance = vm.parseJsonAddressArray(_json, ".governance");
        parameters.disputeSeconds = uint64(vm.parseJsonUint(_json, ".disputeSeconds"));
        parameters.challengeSeconds = uint64(vm.parseJsonUint(_json, ".challengeSeconds"));
        parameters.timelockSeconds = uint64(vm.parseJsonUint(_json, ".timelockSeconds"));
        parameters.paramsDelaySeconds = uint32(vm.parseJsonUint(_json, ".paramsDelaySeconds"));
        parameters.holders = new address[][](Roles.COUNT);
        for (uint64 role = 1; role <= Roles.COUNT; ++role) {
            parameters.holders[role - 1] = vm.parseJsonAddressArray(_json, string.concat(".roles.", Roles.name(role)));
        }
        parameters.token = _readToken();
        parameters.assets = _readAssets();
    }

    function _readToken() private view returns (Token memory token) {
        token.home = vm.keyExistsJson(_json, ".hfr");
        if (!token.home) return token;
        token.minter = vm.parseJsonAddress(_json, ".hfr.minter");
        token.premint = vm.parseJsonUint(_json, ".hfr.premint") * 1e18;
        token.feeBps = uint16(vm.parseJsonUint(_json, ".hfr.feeBps"));
    }

    function _readAssets() private view returns (Listing[] memory assets) {
        address[] memory stables = vm.parseJsonAddressArray(_json, ".stables");
        uint16 feeBps = uint16(vm.parseJsonUint(_json, ".stableFeeBps"));
        assets = new Listing[](stables.length);
        for (uint256 i = 0; i < stables.length; ++i) {
            assets[i] = Listing(stables[i], feeBps);
        }
    }

    /// A chain has one dollar, as real ones do: with six decimals and signatures like USDC, or plain with eighteen.
    function _withPracticeDollar(Listing[] memory given) private returns (Listing[] memory assets) {
        address[] memory rich = vm.parseJsonAddressArray(_json, ".practice.mintTo");
        bool plain = keccak256(bytes(vm.parseJsonString(_json, ".practice.dollar"))) == keccak256("plain");
        assets = new Listing[](given.length + 1);
        address dollar = plain ? _plainDollar(rich) : _dollar(rich);
        assets[0] = Listing(dollar, uint16(vm.parseJsonUint(_json, ".stableFeeBps")));
        for (uint256 i = 0; i < given.length; ++i) {
            assets[i + 1] = given[i];
        }
    }

    function _dollar(address[] memory rich) private returns (address) {
        PracticeDollar dollar = new PracticeDollar();
        for (uint256 i = 0; i < rich.length; ++i) {
            dollar.mint(rich[i], PRACTICE_MONEY * 1e6);
        }
        return address(dollar);
    }

    function _plainDollar(address[] memory rich) private returns (address) {
        PracticePlainDollar dollar = new PracticePlainDollar();
        for (uint256 i = 0; i < rich.length; ++i) {
            dollar.mint(rich[i], PRACTICE_MONEY * 1e18);
        }
        return address(dollar);
    }

    // --------------------------------------------------------------------------------------------------------- profile

    function _profile(Parameters memory parameters, Deployed memory made, uint256 block_) private view returns (string memory) {
        string memory head = string.concat(
            '{\n  "version": 1,\n  "name": "', vm.parseJsonString(_json, ".name"),
            '",\n  "chainId": ', vm.toString(block.chainid),
            ',\n  "rpc": ', _strings(vm.parseJsonStringArray(_json, ".rpc")),
            ',\n  "finalityBlocks": ', vm.toString(vm.parseJsonUint(_json, ".finalityBlocks")),
            ',\n  "contracts": ', _contracts(made)
        );
        string memory tail = string.concat(
            ',\n  "windows": {"disputeSeconds": ', vm.toString(parameters.disputeSeconds),
            ', "challengeSeconds": ', vm.toString(parameters.challengeSeconds),
            '},\n  "assets": [', _assets(parameters, made),
            '\n  ],\n  "explorer": ', _explorer(),
            ',\n  "features": {"rigSales": ', vm.parseJsonBool(_json, ".rigSales") ? "true" : "false",
            '},\n  "deployedAtBlock": ', vm.toString(block_), "\n}\n"
        );
        return string.concat(head, tail);
    }

    function _contracts(Deployed memory made) private pure returns (string memory) {
        string memory hfr = address(made.hfr) == address(0) ? "null" : _quoted(address(made.hfr));
        return string.concat(
            '{\n    "accessManager": ', _quoted(address(made.accessManager)),
            ',\n    "timelock": ', _quoted(address(made.timelock)),
            ',\n    "hfr": ', hfr,
            ',\n    "market": ', _quoted(address(made.market)),
            ',\n    "distributor": ', _quoted(address(made.distributor)), "\n  }"
        );
    }

    function _assets(Parameters memory parameters, Deployed memory made) private view returns (string memory list) {
        for (uint256 i = 0; i < parameters.assets.length; ++i) {
            Listing memory listing = parameters.assets[i];
            list = string.concat(list, i == 0 ? "\n    " : ",\n    ", _asset(listing.asset, "stable", listing.feeBps));
        }
        if (!parameters.token.home) return list;
        string memory comma = parameters.assets.length == 0 ? "\n    " : ",\n    ";
        return string.concat(list, comma, _asset(address(made.hfr), "hfr", parameters.token.feeBps));
    }

    function _asset(address token, string memory kind, uint16 feeBps) private view returns (string memory) {
        TokenFacts.Facts memory facts = TokenFacts.read(token);
        string memory domain =
            facts.signs ? string.concat('{"name": "', facts.name, '", "version": "', facts.version, '"}') : "null";
        return string.concat(
            string.concat('{"address": ', _quoted(token), ', "symbol": "', facts.symbol, '", "decimals": '),
            string.concat(vm.toString(facts.decimals), ', "kind": "', kind, '", "feeBps": ', vm.toString(feeBps)),
            string.concat(', "eip712": ', domain, ', "permit": "', facts.permits ? "erc2612" : "none"),
            string.concat('", "authorization": "', facts.authorizes ? "erc3009" : "none", '"}')
        );
    }

    function _explorer() private view returns (string memory) {
        if (!vm.keyExistsJson(_json, ".explorer")) return "null";
        return string.concat('"', vm.parseJsonString(_json, ".explorer"), '"');
    }

    function _strings(string[] memory values) private pure returns (string memory list) {
        for (uint256 i = 0; i < values.length; ++i) {
            list = string.concat(list, i == 0 ? '"' : ', "', values[i], '"');
        }
        return string.concat("[", list, "]");
    }

    function _quoted(address value) private pure returns (string memory) {
        return string.concat('"', vm.toString(value), '"');
    }
}
