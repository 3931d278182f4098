// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

interface ISigned {
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
    function nonces(address owner) external view returns (uint256);
    function version() external view returns (string memory);
}

/// @title What a token says about itself
/// @notice Nothing about a token is assumed: USDC's signing name differs between chains, and dollars have 6 or 18 decimals.
library TokenFacts {
    /// @notice What a wallet must know to sign for a token.
    struct Facts {
        string symbol;
        uint8 decimals;
        /// The domain below is the one the token checks signatures against.
        bool signs;
        string name;
        string version;
        /// ERC-2612.
        bool permits;
        /// ERC-3009.
        bool authorizes;
    }

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @notice Asks the token.
    function read(address token) internal view returns (Facts memory facts) {
        facts.symbol = IERC20Metadata(token).symbol();
        facts.decimals = IERC20Metadata(token).decimals();
        (facts.name, facts.version) = _domain(token);
        // Its word is checked: a wrong domain makes signatures that fail only when a customer pays.
        bytes32 computed = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256(bytes(facts.name)), keccak256(bytes(facts.version)), block.chainid, token)
        );
        (bool answered, bytes memory separator) = token.staticcall(abi.encodeCall(ISigned.DOMAIN_SEPARATOR, ()));
        facts.signs = answered && separator.length == 32 && abi.decode(separator, (bytes32)) == computed;
        facts.permits = facts.signs && _answers(token, abi.encodeCall(ISigned.nonces, (token)));
        facts.authorizes = facts.signs && _answers(token, abi.encodeCall(ISigned.authorizationState, (token, 0)));
    }

    function _domain(address token) private view returns (string memory name, string memory version) {
        try IERC5267(token).eip712Domain() returns (
            bytes1, string memory name_, string memory version_, uint256, address, bytes32, uint256[] memory
        ) {
            return (name_, version_);
        } catch {}
        name = IERC20Metadata(token).name();
        // Older tokens with a permit and no `version` mean "1".
        version = "1";
        (bool answered, bytes memory data) = token.staticcall(abi.encodeCall(ISigned.version, ()));
        if (answered && data.length >= 64) version = abi.decode(data, (string));
    }

    function _answers(address token, bytes memory question) private view returns (bool) {
        (bool answered, bytes memory data) = token.staticcall(question);
        return answered && data.length == 32;
    }
}
