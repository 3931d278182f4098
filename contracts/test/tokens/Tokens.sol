// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Keeps one hundredth of every transfer.
contract TollToken is ERC20 {
    constructor() ERC20("Toll", "TOLL") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, amount);
        super._update(from, address(this), amount / 100);
        super._update(from, to, amount - amount / 100);
    }
}

/// @notice Refuses transfers to whom its issuer has blocked, by reverting.
contract BlockingToken is ERC20 {
    mapping(address account => bool) public blocked;

    error Blocked(address account);

    constructor() ERC20("Blocking", "BLK") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setBlocked(address account, bool yes) external {
        blocked[account] = yes;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (blocked[to]) revert Blocked(to);
        super._update(from, to, amount);
    }
}

/// @notice Calls somebody in the middle of a transfer, as hooks of richer tokens do.
contract HookToken is ERC20 {
    address private _hook;
    bytes private _call;
    bool public hookFailed;
    bytes public hookReason;

    constructor() ERC20("Hook", "HOOK") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// The next transfer calls `hook` with `call`, once.
    function arm(address hook, bytes calldata call) external {
        (_hook, _call) = (hook, call);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_hook == address(0)) return;
        address hook = _hook;
        _hook = address(0);
        (bool worked, bytes memory reason) = hook.call(_call);
        (hookFailed, hookReason) = (!worked, reason);
    }
}

/// @notice A token with as many decimals as asked for.
contract OddToken is ERC20 {
    uint8 private immutable _places;

    constructor(uint8 places) ERC20("Odd", "ODD") {
        _places = places;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function decimals() public view override returns (uint8) {
        return _places;
    }
}

/// @notice A wallet that is a contract: what its owner's key signs is its signature (ERC-1271), and it does what it is told.
contract Wallet {
    address private immutable _owner;
    bool private _closed;

    constructor(address owner) {
        _owner = owner;
    }

    function close() external {
        _closed = true;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
        bool good = !_closed && ecrecover(hash, uint8(signature[64]), r, s) == _owner;
        return good ? this.isValidSignature.selector : bytes4(0);
    }

    function run(address target, bytes calldata call) external {
        (bool worked, bytes memory reason) = target.call(call);
        if (worked) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}
