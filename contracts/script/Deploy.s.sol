// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

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
        parameters.disputeSeconds = SafeCast.toUint64(vm.parseJsonUint(_json, ".disputeSeconds"));
        parameters.challengeSeconds = SafeCast.toUint64(vm.parseJsonUint(_json, ".challengeSeconds"));
        parameters.timelockSeconds = SafeCast.toUint64(vm.parseJsonUint(_json, ".timelockSeconds"));
        parameters.paramsDelaySeconds = SafeCast.toUint32(vm.parseJsonUint(_json, ".paramsDelaySeconds"));
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
        token.feeBps = SafeCast.toUint16(vm.parseJsonUint(_json, ".hfr.feeBps"));
    }

    function _readAssets() private view returns (Listing[] memory assets) {
        address[] memory stables = vm.parseJsonAddressArray(_json, ".stables");
        uint16 feeBps = SafeCast.toUint16(vm.parseJsonUint(_json, ".stableFeeBps"));
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
        assets[0] = Listing(dollar, SafeCast.toUint16(vm.parseJsonUint(_json, ".stableFeeBps")));
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
        string[11] memory fields = [
            _field("version", "1"),
            _field("name", _text(vm.parseJsonString(_json, ".name"))),
            _field("chainId", vm.toString(block.chainid)),
            _field("rpc", _texts(vm.parseJsonStringArray(_json, ".rpc"))),
            _field("finalityBlocks", vm.toString(vm.parseJsonUint(_json, ".finalityBlocks"))),
            _field("contracts", _contracts(made)),
            _field("windows", _windows(parameters)),
            _field("assets", _assets(parameters, made)),
            _field("explorer", _explorer()),
            _field("features", _features()),
            _field("deployedAtBlock", vm.toString(block_))
        ];
        string memory text = "";
        for (uint256 i = 0; i < fields.length; ++i) {
            text = string.concat(text, i == 0 ? "{\n  " : ",\n  ", fields[i]);
        }
        return string.concat(text, "\n}\n");
    }

    function _contracts(Deployed memory made) private pure returns (string memory) {
        string memory first =
            _pair(_field("accessManager", _text(address(made.accessManager))), _field("timelock", _text(address(made.timelock))));
        string memory second = _pair(
            _field("hfr", address(made.hfr) == address(0) ? "null" : _text(address(made.hfr))),
            _pair(_field("market", _text(address(made.market))), _field("distributor", _text(address(made.distributor))))
        );
        return _object(_pair(first, second));
    }

    function _windows(Parameters memory parameters) private pure returns (string memory) {
        return _object(
            _pair(
                _field("disputeSeconds", vm.toString(parameters.disputeSeconds)),
                _field("challengeSeconds", vm.toString(parameters.challengeSeconds))
            )
        );
    }

    function _features() private view returns (string memory) {
        return _object(_field("rigSales", vm.parseJsonBool(_json, ".rigSales") ? "true" : "false"));
    }

    function _assets(Parameters memory parameters, Deployed memory made) private view returns (string memory) {
        string memory text = "";
        for (uint256 i = 0; i < parameters.assets.length; ++i) {
            Listing memory listing = parameters.assets[i];
            text = string.concat(text, i == 0 ? "\n    " : ",\n    ", _asset(listing.asset, "stable", listing.feeBps));
        }
        if (parameters.token.home) {
            bool alone = parameters.assets.length == 0;
            text = string.concat(text, alone ? "\n    " : ",\n    ", _asset(address(made.hfr), "hfr", parameters.token.feeBps));
        }
        return string.concat("[", text, "\n  ]");
    }

    function _asset(address token, string memory kind, uint16 feeBps) private view returns (string memory) {
        TokenFacts.Facts memory facts = TokenFacts.read(token);
        string memory first = _pair(
            _pair(_field("address", _text(token)), _field("symbol", _text(facts.symbol))),
            _field("decimals", vm.toString(facts.decimals))
        );
        string memory second = _pair(_field("kind", _text(kind)), _field("feeBps", vm.toString(feeBps)));
        string memory third = _pair(
            _field("eip712", facts.signs ? _domain(facts) : "null"),
            _pair(
                _field("permit", facts.permits ? _text("erc2612") : _text("none")),
                _field("authorization", facts.authorizes ? _text("erc3009") : _text("none"))
            )
        );
        return _object(_pair(first, _pair(second, third)));
    }

    function _domain(TokenFacts.Facts memory facts) private pure returns (string memory) {
        return _object(_pair(_field("name", _text(facts.name)), _field("version", _text(facts.version))));
    }

    function _explorer() private view returns (string memory) {
        return vm.keyExistsJson(_json, ".explorer") ? _text(vm.parseJsonString(_json, ".explorer")) : "null";
    }

    // ------------------------------------------------------------------------------------------------------------ JSON

    function _field(string memory name, string memory value) private pure returns (string memory) {
        return string.concat('"', name, '": ', value);
    }

    function _pair(string memory one, string memory other) private pure returns (string memory) {
        return string.concat(one, ", ", other);
    }

    function _object(string memory fields) private pure returns (string memory) {
        return string.concat("{", fields, "}");
    }

    function _text(string memory value) private pure returns (string memory) {
        return string.concat('"', value, '"');
    }

    function _text(address value) private pure returns (string memory) {
        return _text(vm.toString(value));
    }

    function _texts(string[] memory values) private pure returns (string memory) {
        string memory text = "";
        for (uint256 i = 0; i < values.length; ++i) {
            text = string.concat(text, i == 0 ? "" : ", ", _text(values[i]));
        }
        return string.concat("[", text, "]");
    }
}
